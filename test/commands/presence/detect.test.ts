import { beforeEach, describe, expect, test } from 'vitest';
import { isDetectorRunning } from '../../../src/core/detection/detector-running.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { articleProgram } from '../../support/article.mjs';
import { cli, masked, text } from '../../support/cli.js';
import { expired, hold, openFleet, type SingleFleet, storyOf, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
/** Nothing listens there: a usage error must be reported without a connection. */
const unreachable = cli('redis://127.0.0.1:1');
const ID = 'aa:bb:cc:dd:ee:ff';

let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
});

async function lapsed(...ids: string[]): Promise<void> {
  for (const id of ids) await register(fleet, id, 'lamp');
  await heartbeats(
    fleet,
    ids.map((id) => ({ id, ttl: 20 })),
  );
  for (const id of ids) await expired(fleet, id);
}

/** The device timed out in an outage that ended just now, so it is held for its TTL. */
async function held(id: string, ttl: number): Promise<void> {
  await register(fleet, id, 'lamp');
  await heartbeat(fleet, { id, ttl });
  await hold(fleet, [id], ttl);
}

describe('usage errors, reported before anything is sent', () => {
  test.each<[argv: string, expected: string]>([
    ['detect --interval 5s', '! devstate: --interval requires --strategy poll\n'],
    ['detect --strategy keyspace --interval 5s', '! devstate: --interval requires --strategy poll\n'],
    ['detect --strategy poll --interval 0', '! devstate: --interval: must be at least 1ms\n'],
    ['detect --audit 0', '! devstate: --audit: must be at least 1ms\n'],
    ['detect --once --strategy poll', '! devstate: --once cannot be combined with --strategy or --audit\n'],
    ['detect --once --audit 5m', '! devstate: --once cannot be combined with --strategy or --audit\n'],
    [
      'detect --strategy hope',
      text`
        ! devstate: option '--strategy <name>' argument 'hope' is invalid. Allowed choices are deadline, poll, keyspace.
        ! hint: devstate detect --help
      `,
    ],
    [
      'detect --fields lasted',
      '! devstate: no field "lasted"; there are id, type, deviceId, deviceType, status, timestamp, seq, reason\n',
    ],
    [
      'detect d1',
      text`
        ! devstate: too many arguments for 'detect'. Expected 0 arguments but got 1.
        ! hint: devstate detect --help
      `,
    ],
  ])('%s', async (argv, expected) => {
    expect(await unreachable.session(argv)).toBe(`${expected}exit 2\n`);
  });

  test('detect with --read-only', async () => {
    expect(await devstate.session('detect --read-only')).toBe(
      '! devstate: detect refused: read-only\n! hint: leave out --read-only, or name a context that may write\nexit 2\n',
    );
  });

  test('detect without a server', async () => {
    const { exit, stderr } = await unreachable.run('detect');
    expect([exit, stderr.split('\n')[0]]).toEqual([
      5,
      'devstate: cannot reach redis://127.0.0.1:1: connection refused',
    ]);
  });
});

test.each(['detect', 'detect --once'])(
  '%s: a key of the wrong type is reported in one line, exit 1',
  async (argv) => {
    await fleet.redis.set(fleet.keys.activity, 'x');
    expect(await devstate.session(argv)).toBe(text`
    ! devstate: devices:activity holds a string, not a zset
    ! hint: another program wrote it; rename or delete it, or keep apart with --namespace
    exit 1
  `);
  },
);

describe('--once', () => {
  test('prints a line for each device that went offline, and their number', async () => {
    await lapsed(ID);
    expect(await devstate.session('detect --once')).toBe(text`
      TIME                       DEVICE                 TYPE                 STATUS    REASON       LASTED
      YYYY-MM-DDThh:mm:ss.000Z   aa:bb:cc:dd:ee:ff      lamp                 offline   timeout      20ms
      ! 1 went offline
    `);
    expect(await storyOf(fleet, ID)).toEqual(['1 online heartbeat', '2 offline timeout']);
    expect(await devstate.session('detect --once')).toBe('! 0 went offline\n');
  });

  test.each([
    [
      '--json',
      `[\n  {"id":"LOG-ID","type":"presence","deviceId":"${ID}","deviceType":"lamp","status":"offline","timestamp":MILLISECONDS0,"seq":2,"reason":"timeout"}\n]\n! 1 went offline\n`,
      '[]\n! 0 went offline\n',
    ],
    [
      '-o ndjson -q',
      `{"id":"LOG-ID","type":"presence","deviceId":"${ID}","deviceType":"lamp","status":"offline","timestamp":MILLISECONDS0,"seq":2,"reason":"timeout"}\n`,
      '',
    ],
    ['-o name', `${ID}\n! 1 went offline\n`, '! 0 went offline\n'],
    ['--fields deviceId,reason --no-headers', `${ID}   timeout\n! 1 went offline\n`, '! 0 went offline\n'],
  ])('as %s', async (options, expected, nothing) => {
    await lapsed(ID);
    expect(await devstate.session(`detect --once ${options}`)).toBe(expected);
    expect(await devstate.session(`detect --once ${options}`)).toBe(nothing);
  });

  test('-o wide adds seq and id', async () => {
    await lapsed(ID);
    const { stdout } = await devstate.run('detect --once -o wide');
    const [header, row] = masked(stdout).split('\n');
    expect(header).toMatch(/ LASTED {3,}SEQ {3,}ID$/);
    expect(row).toMatch(/ 20ms {3,}2 {3,}LOG-ID$/);
  });

  test('marks no device offline during a hold and says so; --no-hold does', async () => {
    await held(ID, 600_000);
    const { exit, stdout, stderr } = await devstate.run('detect --once');
    expect([exit, stdout]).toEqual([0, '']);
    expect(masked(stderr)).toMatch(
      /^heartbeats could not arrive for a while: the devices concerned are not marked offline for 9m5\ds, until YYYY-MM-DDThh:mm:ss.000Z\n0 went offline\n$/,
    );
    expect((await devstate.run('detect --once --no-hold')).stderr).toBe('1 went offline\n');
  });
});

describe('while running', () => {
  test('prints a line for each transition and a summary at the end', async () => {
    const detecting = devstate.start('detect');
    await detecting.says('stderr', 'detecting (deadline; audit round 5m)\n');
    await register(fleet, ID, 'lamp');
    const article = articleProgram(fleet.redis, 'node');
    await article.register('foreign', 'meter');
    await article.heartbeat('foreign');
    await detecting.lines('stdout', 2);
    await heartbeat(fleet, { id: ID, ttl: 20 });
    await detecting.lines('stdout', 3);
    expect(await isDetectorRunning(fleet)).toBe(true);
    const { exit, stdout, stderr } = await detecting.stop();
    expect(masked(stdout)).toBe(text`
      TIME                       DEVICE                 TYPE                 STATUS    REASON       LASTED
      YYYY-MM-DDThh:mm:ss.000Z   foreign                meter                online    observed     -
      YYYY-MM-DDThh:mm:ss.000Z   aa:bb:cc:dd:ee:ff      lamp                 offline   timeout      20ms
    `);
    expect(stderr).toMatch(/^detecting .*\n1 went offline, 1 observed online in \d+(s|ms|s\d+ms)\n$/);
    expect([exit, await isDetectorRunning(fleet)]).toEqual([0, false]);
  });

  test.each([
    ['--strategy deadline --audit 1h', 'detecting (deadline; audit round 1h)'],
    ['--strategy poll --interval 50ms', 'detecting (poll; audit round 5m)'],
    ['--strategy keyspace', 'detecting (keyspace; audit round 5m)'],
  ])('%s', async (options, expected) => {
    const detecting = devstate.start(`detect ${options} --json`);
    await detecting.says('stderr', expected);
    await lapsed('d1');
    const [line = ''] = await detecting.lines('stdout', 1);
    expect(JSON.parse(line)).toMatchObject({ deviceId: 'd1', status: 'offline', seq: 2 });
    expect((await detecting.stop()).exit).toBe(0);
  });

  test('--quiet prints events only', async () => {
    const detecting = devstate.start('detect -q -o name');
    await lapsed('d1');
    await detecting.lines('stdout', 1);
    expect(await detecting.stop()).toEqual({ exit: 0, stdout: 'd1\n', stderr: '' });
  });

  test('reports the beginning and the end of a hold', async () => {
    await held('d1', 2500);
    const detecting = devstate.start('detect -o name');
    await detecting.says(
      'stderr',
      'heartbeats could not arrive for a while: the devices concerned are not marked offline for ',
    );
    await detecting.says('stderr', 'the hold is over\n');
    await detecting.lines('stdout', 1);
    await detecting.stop();
  });

  test('--no-hold reports that it ignores a hold', async () => {
    await held('d1', 600_000);
    const detecting = devstate.start('detect --no-hold -o name');
    await detecting.lines('stdout', 1);
    const { stderr } = await detecting.stop();
    expect(stderr).toContain(
      'heartbeats could not arrive for a while: devices are marked offline despite the hold of ',
    );
  });

  test('keyspace without permission for CONFIG reports that it uses deadlines only', async () => {
    await fleet.redis.call('ACL', 'SETUSER', 'default', '-config');
    const detecting = devstate.start('detect --strategy keyspace');
    await detecting.says('stderr', '; using deadlines only\n');
    await detecting.says('stderr', 'detecting (');
    await detecting.stop();
    await fleet.redis.call('ACL', 'SETUSER', 'default', '+@all');
  });
});

describe('a reader that does not read', () => {
  /** Accepts one write and never becomes writable again. */
  const reader = () => new Promise(() => {});

  test('delays neither announcements nor the end of the detector', async () => {
    const detecting = devstate.start('detect -o ndjson', { reader });
    await detecting.says('stderr', 'detecting');
    const ids = Array.from({ length: 300 }, (_, i) => `d${i}`);
    for (let round = 1; round <= 2; round++) {
      await lapsed(...ids);
      await until(async () => (await fleet.redis.xlen(fleet.keys.log)) === 2 * ids.length * round);
    }
    expect(await isDetectorRunning(fleet)).toBe(true);
    const asked = performance.now();
    const { exit, stderr } = await detecting.stop();
    expect(performance.now() - asked).toBeLessThan(1000);
    expect([exit, await isDetectorRunning(fleet)]).toEqual([0, false]);
    expect(stderr).toMatch(/\n\d+ events were not printed; .*\n600 went offline in .*\n$/);
  });

  test('gets the queued events when it reads again', async () => {
    let read = () => {};
    const stalled = new Promise<void>((resolve) => {
      read = resolve;
    });
    const detecting = devstate.start('detect -o name', { reader: () => stalled });
    await detecting.says('stderr', 'detecting');
    const ids = Array.from({ length: 300 }, (_, i) => `d${i}`);
    await lapsed(...ids);
    await until(async () => (await fleet.redis.xlen(fleet.keys.log)) === 2 * ids.length);
    read();
    expect((await detecting.lines('stdout', ids.length)).sort()).toEqual(ids.sort());
    expect((await detecting.stop()).stderr).not.toContain('not printed');
  });

  test('delays neither announcements nor the end of watch-presence --detect', async () => {
    const watching = devstate.start('watch-presence --detect -o ndjson', { reader });
    await watching.says('stderr', 'watching\n');
    const ids = Array.from({ length: 300 }, (_, i) => `d${i}`);
    await lapsed(...ids);
    await until(async () => (await fleet.redis.xlen(fleet.keys.log)) === 2 * ids.length);
    const asked = performance.now();
    expect((await watching.stop()).exit).toBe(0);
    expect(performance.now() - asked).toBeLessThan(1000);
  });
});
