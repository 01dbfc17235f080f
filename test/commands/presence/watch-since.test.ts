import { beforeEach, describe, expect, test } from 'vitest';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { articleProgram } from '../../support/article.mjs';
import { cli, masked, text } from '../../support/cli.js';
import { openDetector } from '../../support/detector.js';
import { hold, logOf, openFleet, type SingleFleet, until } from '../../support/fleet.js';
import { parsePulse } from '../../support/hold/pulse.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
const unreachable = cli('redis://127.0.0.1:1');
const NO_DETECTOR = 'no detector is running: devices that stop sending heartbeats are not announced\n';

let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
});

/** Six events of two lamps and a meter. */
async function somePresence(): Promise<void> {
  await register(fleet, 'lamp:1', 'lamp');
  await register(fleet, 'lamp:2', 'lamp');
  await register(fleet, 'aa:bb:cc:dd:ee:ff', 'meter');
  for (const id of ['lamp:1', 'lamp:2', 'aa:bb:cc:dd:ee:ff']) await heartbeat(fleet, { id });
  for (const id of ['lamp:1', 'lamp:2', 'aa:bb:cc:dd:ee:ff']) await disconnect(fleet, id);
}

const names = (stdout: string) => stdout.trimEnd().split('\n').filter(Boolean);

test.each<[argv: string, expected: string]>([
  ['watch-presence --no-hold', '! devstate: --no-hold requires --detect\n'],
  ['watch-presence --count 0', '! devstate: --count: bad count "0": it must be a whole number, at least 1\n'],
  [
    'watch-presence --since then',
    text`
      ! devstate: bad moment "then"
      ! hint: moments are a duration ago (15m, 2h), 2026-11-24T10:00:00Z (UTC without a zone), or epoch milliseconds
    `,
  ],
])('%s is refused before anything is sent', async (argv, expected) => {
  expect(await unreachable.session(argv)).toBe(`${expected}exit 2\n`);
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

  test('an id replays the events after it', async () => {
    const log = await logOf(fleet);
    const { stdout } = await devstate.run(`watch-presence --since ${log[3]?.id} --count 2 --json`);
    const events = names(stdout).map((line) => JSON.parse(line));
    expect(events.map(({ id }) => id)).toEqual([log[4]?.id, log[5]?.id]);
    expect(Object.keys(events[0])).toEqual([
      'id',
      'type',
      'deviceId',
      'deviceType',
      'status',
      'timestamp',
      'seq',
      'reason',
    ]);
  });

  test('a table shows how long the previous state lasted; -o wide adds seq and id', async () => {
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

  test('filters apply to replayed and live events', async () => {
    const watching = devstate.start('watch-presence -o name --since 1h --type lamp --count 6');
    await watching.says('stderr', 'watching\n');
    for (const id of ['aa:bb:cc:dd:ee:ff', 'lamp:2', 'lamp:1']) await heartbeat(fleet, { id });
    const { exit, stdout } = await watching.done;
    const lamps = ['lamp:1', 'lamp:2', 'lamp:1', 'lamp:2', 'lamp:2', 'lamp:1'];
    expect([exit, names(stdout)]).toEqual([0, lamps]);
  });

  test('reports the missing time of a trimmed log', async () => {
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

  test('live events of other programs have null as id, seq and reason', async () => {
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

  test('reports a lost connection and its end, and misses no event', async () => {
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
  test('announces the printed events once, and clears the detector in the pulse key', async () => {
    const watching = devstate.start('watch-presence --detect --json');
    await watching.says('stderr', 'watching\n');
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1', ttl: 30 });
    const [, line = ''] = await watching.lines('stdout', 2);
    expect(JSON.parse(line)).toMatchObject({ deviceId: 'd1', status: 'offline', reason: 'timeout', seq: 2 });
    const { exit, stdout, stderr } = await watching.stop();
    expect([exit, names(stdout).length, stderr]).toEqual([0, 2, 'watching\n']);
    expect(parsePulse((await fleet.redis.get(fleet.keys.pulse)) ?? '')?.step).toBe(0);
  });

  test('--count ends watch and detector', async () => {
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1', ttl: 30 });
    const { exit, stdout } = await devstate.run('watch-presence --detect --since 1m --count 2 -o name');
    expect([exit, stdout]).toEqual([0, 'd1\nd1\n']);
  });

  test('ends on time while Redis hangs', async () => {
    const watching = devstate.start('watch-presence --detect --for 300ms');
    await watching.says('stderr', 'watching\n');
    await fleet.redis.call('CLIENT', 'PAUSE', 3000, 'ALL');
    const asked = performance.now();
    expect((await watching.done).exit).toBe(0);
    expect(performance.now() - asked).toBeLessThan(300 + 1000);
    await fleet.redis.ping();
  });

  test('a failing detector ends it with one error line', async () => {
    await fleet.redis.set(fleet.keys.activity, 'x');
    expect(await devstate.session('watch-presence --detect')).toMatch(
      /(^|\n)! devstate: devices:activity holds a string, not a zset\n! hint: .*\nexit 1\n$/,
    );
  });

  test('keeps a hold unless --no-hold is given', async () => {
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1' });
    await hold(fleet, ['d1'], 60_000);
    const holding = devstate.start('watch-presence --detect');
    await holding.says(
      'stderr',
      'heartbeats could not arrive for a while: the devices concerned are not marked offline for ',
    );
    expect((await holding.stop()).stdout).toBe('');
    const hasty = await devstate.run('watch-presence --detect --no-hold --count 1 -o name');
    expect([hasty.exit, hasty.stdout]).toEqual([0, 'd1\n']);
  });
});

describe('without a detector', () => {
  test('a notice says so, with a hint', async () => {
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

  test('prints no notice while a detector runs', async () => {
    const detector = await openDetector(await openFleet(redis));
    await until(async () => (await fleet.redis.exists(fleet.keys.pulse)) === 1);
    expect(await devstate.session('watch-presence --for 20ms')).toBe('! watching\n');
    expect(await devstate.session('list-online')).toBe('! no devices online\n');
    await detector.stop();
    expect((await devstate.run('list-online')).stderr).toContain(NO_DETECTOR);
  });
});
