import { beforeEach, describe, expect, test } from 'vitest';
import { disconnect, heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { articleProgram } from '../../support/article.js';
import { cli, masked, text } from '../../support/cli.js';
import { openDetector } from '../../support/detector.js';
import { logOf, openFleet, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
const nowhere = cli('redis://127.0.0.1:1');
const NO_DETECTOR = 'no detector is running: devices that stop sending heartbeats are not announced\n';

let fleet: Fleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
});

/** Two lamps and a meter, which come and go: six events. */
async function somePresence(): Promise<void> {
  await register(fleet, 'lamp:1', 'lamp');
  await register(fleet, 'lamp:2', 'lamp');
  await register(fleet, 'aa:bb:cc:dd:ee:ff', 'meter');
  for (const id of ['lamp:1', 'lamp:2', 'aa:bb:cc:dd:ee:ff']) await heartbeat(fleet, { id });
  for (const id of ['lamp:1', 'lamp:2', 'aa:bb:cc:dd:ee:ff']) await disconnect(fleet, id);
}

const names = (stdout: string) => stdout.trimEnd().split('\n').filter(Boolean);

test.each<[argv: string, said: string]>([
  ['watch-presence --no-hold', '! devstate: --no-hold requires --detect\n'],
  ['watch-presence --count 0', '! devstate: --count: bad count "0": it must be a whole number, at least 1\n'],
  [
    'watch-presence --since then',
    text`
      ! devstate: bad moment "then"
      ! hint: moments are a duration ago (15m, 2h), 2026-11-24T10:00:00Z (UTC without a zone), or epoch milliseconds
    `,
  ],
])('%s is refused before anything is sent', async (argv, said) => {
  expect(await nowhere.session(argv)).toBe(`${said}exit 2\n`);
});

describe('--since', () => {
  beforeEach(somePresence);

  test.each<[options: string, exit: number, shown: string[]]>([
    ['--since 1h --count 2', 0, ['lamp:1', 'lamp:2']],
    ['--since 2025-01-01 --count 1', 0, ['lamp:1']],
    ['--since 1735689600000 --count 4 --type lamp', 0, ['lamp:1', 'lamp:2', 'lamp:1', 'lamp:2']],
    ['--since 1h --for 50ms --id lamp:*', 0, ['lamp:1', 'lamp:2', 'lamp:1', 'lamp:2']],
    ['--since 1h --for 50ms --id ??:*:ff', 0, ['aa:bb:cc:dd:ee:ff', 'aa:bb:cc:dd:ee:ff']],
    ['--since 1h --for 50ms --type meter --id lamp:*', 0, []],
    ['--since 1h --for 50ms --type lamp --count 5', 4, ['lamp:1', 'lamp:2', 'lamp:1', 'lamp:2']],
    ['--since 1h --for 30s --type lamp --count 4', 0, ['lamp:1', 'lamp:2', 'lamp:1', 'lamp:2']],
    ['--for 50ms', 0, []],
    ['--for 50ms --count 1', 4, []],
    ['--since 0s --for 50ms', 0, []],
  ])('%s: exit %i', async (options, exit, shown) => {
    const done = await devstate.run(`watch-presence -q -o name ${options}`);
    expect([done.exit, names(done.stdout), done.stderr]).toEqual([exit, shown, '']);
  });

  test('an id: what came after that event', async () => {
    const log = await logOf(fleet);
    const { stdout } = await devstate.run(`watch-presence --since ${log[3]?.id} --count 2 --json`);
    const events = names(stdout).map((line) => JSON.parse(line));
    expect(events.map(({ id }) => id)).toEqual([log[4]?.id, log[5]?.id]);
    expect(Object.keys(events[0])).toEqual([
      ...['id', 'type', 'deviceId', 'deviceType', 'status', 'timestamp', 'seq', 'reason'],
    ]);
  });

  test('as a table: how long the last state lasted; wide: its place in the log', async () => {
    const done = await devstate.run('watch-presence -q --since 1h --count 6 --type lamp --for 50ms -o wide');
    const lines = masked(done.stdout.replace(/ \d+m?s /g, (lasted) => ' N'.padEnd(lasted.length)));
    expect([done.exit, lines]).toEqual([
      4,
      text`
        TIME                       DEVICE                 TYPE                 STATUS    REASON       LASTED     SEQ    ID
        YYYY-MM-DDThh:mm:ss.000Z   lamp:1                 lamp                 online    heartbeat    -          1      LOG-ID
        YYYY-MM-DDThh:mm:ss.000Z   lamp:2                 lamp                 online    heartbeat    -          1      LOG-ID
        YYYY-MM-DDThh:mm:ss.000Z   lamp:1                 lamp                 offline   disconnect   N          2      LOG-ID
        YYYY-MM-DDThh:mm:ss.000Z   lamp:2                 lamp                 offline   disconnect   N          2      LOG-ID
      `,
    ]);
  });

  test('replay, then live, the filters over both', async () => {
    const watching = devstate.start('watch-presence -o name --since 1h --type lamp --count 6');
    await watching.says('stderr', 'watching\n');
    for (const id of ['aa:bb:cc:dd:ee:ff', 'lamp:2', 'lamp:1']) await heartbeat(fleet, { id });
    const { exit, stdout } = await watching.done;
    const lamps = ['lamp:1', 'lamp:2', 'lamp:1', 'lamp:2', 'lamp:2', 'lamp:1'];
    expect([exit, names(stdout)]).toEqual([0, lamps]);
  });

  test('a trimmed log: the stretch that is missing is said', async () => {
    const log = await logOf(fleet);
    await fleet.redis.xtrim(fleet.keys.log, 'MAXLEN', 2);
    const [gone, left] = [log[1]?.id, log[4]?.id];
    const byId = await devstate.run(`watch-presence --since ${gone} --count 2 -o name`);
    expect(byId.stderr).toContain(
      `the log does not reach back that far: events between event ${gone} and event ${left} are missing\n`,
    );
    expect(names(byId.stdout)).toHaveLength(2);
    const byTime = await devstate.run('watch-presence --since 2025-01-01T10:00Z --count 2 -o name');
    expect(byTime.stderr).toContain(
      `events between 2025-01-01T10:00:00.000Z and event ${left} are missing\n`,
    );
    const quiet = await devstate.run(`watch-presence -q --since ${gone} --count 2 -o name`);
    expect(quiet.stderr).toBe('');
  });

  test('other programs’ events are shown live: id, seq and reason are null', async () => {
    const watching = devstate.start('watch-presence --json --since 0s');
    await watching.says('stderr', 'watching\n');
    await articleProgram(fleet.redis, 'node').heartbeat('lamp:1');
    const [line = ''] = await watching.lines('stdout', 1);
    expect(JSON.parse(line)).toEqual({
      id: null,
      type: 'presence',
      deviceId: 'lamp:1',
      deviceType: 'lamp',
      status: 'online',
      timestamp: expect.any(Number),
      seq: null,
      reason: null,
    });
    expect((await watching.stop()).exit).toBe(0);
  });

  test('a lost connection is said, and its end, and nothing is missing', async () => {
    const watching = devstate.start('watch-presence -o name --since 1h');
    await watching.says('stderr', 'watching\n');
    await fleet.redis.client('KILL', 'TYPE', 'pubsub');
    await fleet.redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    for (const id of ['lamp:2', 'lamp:1']) await heartbeat(fleet, { id });
    await watching.lines('stdout', 8);
    await watching.says('stderr', 'reconnected\n');
    const { stdout, stderr } = await watching.stop();
    expect(names(stdout)).toEqual((await logOf(fleet)).map(({ deviceId }) => deviceId));
    expect(stderr).toMatch(/watching\nconnection lost; retrying\nreconnected\n$/);
  });
});

describe('--detect', () => {
  test('announces what it shows, once, and leaves the pulse', async () => {
    const watching = devstate.start('watch-presence --detect --json');
    await watching.says('stderr', 'watching\n');
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1', ttl: 30 });
    const [, line = ''] = await watching.lines('stdout', 2);
    expect(JSON.parse(line)).toMatchObject({ deviceId: 'd1', status: 'offline', reason: 'timeout', seq: 2 });
    const { exit, stdout, stderr } = await watching.stop();
    expect([exit, names(stdout).length, stderr]).toEqual([0, 2, 'watching\n']);
    expect((await fleet.redis.get(fleet.keys.pulse))?.split(' ')[1]).toBe('0');
  });

  test('--count ends both', async () => {
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1', ttl: 30 });
    const { exit, stdout } = await devstate.run('watch-presence --detect --since 1m --count 2 -o name');
    expect([exit, stdout]).toEqual([0, 'd1\nd1\n']);
  });

  test('ends at its time though Redis hangs', async () => {
    const watching = devstate.start('watch-presence --detect --for 300ms');
    await watching.says('stderr', 'watching\n');
    await fleet.redis.call('CLIENT', 'PAUSE', 3000, 'ALL');
    const asked = performance.now();
    expect((await watching.done).exit).toBe(0);
    expect(performance.now() - asked).toBeLessThan(300 + 1000);
    await fleet.redis.ping();
  });

  test('a detector that fails ends it: one line', async () => {
    await fleet.redis.set(fleet.keys.activity, 'x');
    expect(await devstate.session('watch-presence --detect')).toMatch(
      /(^|\n)! devstate: devices:activity holds a string, not a zset\n! hint: .*\nexit 1\n$/,
    );
  });

  test('honours a hold, unless --no-hold', async () => {
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1', ttl: 20 });
    const later = Date.now() + 600_000;
    await fleet.redis.set(fleet.keys.pulse, `${Date.now()} ${Date.now()} ${later}`);
    const holding = devstate.start('watch-presence --detect');
    await holding.says('stderr', 'heartbeats could not arrive for a while: no device is marked offline for ');
    expect((await holding.stop()).stdout).toBe('');
    const hasty = await devstate.run('watch-presence --detect --no-hold --count 1 -o name');
    expect([hasty.exit, hasty.stdout]).toEqual([0, 'd1\n']);
  });
});

describe('without a detector', () => {
  test('who looks is told so, and what to do', async () => {
    expect(await devstate.session('watch-presence --for 20ms')).toBe(
      `! ${NO_DETECTOR}! hint: run devstate detect, or add --detect\n! watching\n`,
    );
    expect(await devstate.session('list-online')).toBe(
      `! no devices online\n! ${NO_DETECTOR}! hint: run devstate detect\n`,
    );
  });

  test.each(['watch-presence --for 20ms', 'list-online'])(
    'not with -q, nor to a program: %s',
    async (argv) => {
      expect((await devstate.run(`${argv} -q`)).stderr).toBe('');
      expect((await devstate.run(`${argv} --json`)).stderr).not.toContain('detector');
    },
  );

  test('nor while one is at work', async () => {
    const detector = await openDetector(await openFleet(redis));
    await until(async () => (await fleet.redis.exists(fleet.keys.pulse)) === 1);
    expect(await devstate.session('watch-presence --for 20ms')).toBe('! watching\n');
    expect(await devstate.session('list-online')).toBe('! no devices online\n');
    await detector.stop();
    expect((await devstate.run('list-online')).stderr).toContain(NO_DETECTOR);
  });
});
