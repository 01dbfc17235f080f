/** `heartbeat --every`: heartbeats at fixed times on one connection, across a restart, until stopped. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { register } from '../../../src/core/registry/register.js';
import { startServer } from '../../../src/redis/private-server.js';
import { cli } from '../../support/cli.js';
import { openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);

/** The times of the printed heartbeats, ms. */
async function beats(argv: string): Promise<number[]> {
  const { exit, stdout, stderr } = await devstate.run(`${argv} --json --fields lastSeen`);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).lastSeen);
}

test('ends after --count rounds, and --json prints a line for each', async () => {
  await register(await openFleet(redis), 'd1', 'lamp');
  expect(await devstate.session('heartbeat d1 --every 20ms --count 3')).toBe(
    [
      'd1 online, was offline, expires YYYY-MM-DDThh:mm:ss.000Z\n',
      'd1 online, expires YYYY-MM-DDThh:mm:ss.000Z\n',
      'd1 online, expires YYYY-MM-DDThh:mm:ss.000Z\n',
    ].join(''),
  );
  expect(await devstate.session('heartbeat d1 --every 20ms --count 2 --json --fields deviceId')).toBe(
    '{"deviceId":"d1"}\n{"deviceId":"d1"}\n',
  );
});

test('ends when no device is left', async () => {
  expect(await devstate.session('heartbeat nope --every 1h -q')).toBe(
    '! devstate: device "nope" is not registered\nexit 3\n',
  );
  expect(await devstate.session('heartbeat nope - --every 1h', { stdin: 'n o pe\na\x01b' })).toContain(
    'exit ',
  );
});

test('sends for several devices in each round, and reports an unknown one once', async () => {
  await register(await openFleet(redis), 'd1', 'lamp');
  expect(await devstate.session('heartbeat nope d1 --every 5ms --count 2 -o name -q')).toBe(
    'd1\nd1\n! devstate: device "nope" is not registered\nexit 7\n',
  );
});

test('heartbeats do not drift and none is repeated', async () => {
  await register(await openFleet(redis), 'd1', 'lamp');
  await devstate.run('heartbeat d1'); // loads the script before the times are measured
  const EVERY = 100;
  const times = await beats(`heartbeat d1 --every ${EVERY}ms --count 30`);
  const [first = 0] = times;
  // A heartbeat may be late, and missed rounds are skipped, but none is early.
  const early = times.filter((time, i) => time - first < (i - 0.9) * EVERY);
  expect(early).toEqual([]);
  // If each interval started at the heartbeat before, each would add over 1 ms: 11 ms or more after 11 intervals.
  const offGrid = times.slice(-10).flatMap((late) => times.slice(0, 10).map((time) => (late - time) % EVERY));
  expect(Math.min(...offGrid.map((ms) => Math.min(ms, EVERY - ms)))).toBeLessThan(5);
});

test('uses one connection until it is stopped', async () => {
  const client = await redis.client();
  await register(await openFleet(redis), 'd1', 'lamp');
  const ids = async () =>
    ((await client.client('LIST')) as string).split('\n').map((line) => /^id=\d+/.exec(line)?.[0]);
  const before = await ids();
  const running = devstate.start('heartbeat d1 --every 5ms -o name');
  await running.lines('stdout', 20);
  const during = (await ids()).filter((id) => !before.includes(id));
  expect(during).toHaveLength(1);
  const { exit, stderr } = await running.stop();
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
});

test('stops at once between two rounds', async () => {
  await register(await openFleet(redis), 'd1', 'lamp');
  const running = devstate.start('heartbeat d1 --every 30d');
  await running.lines('stdout', 1);
  expect((await running.stop()).stdout.split('\n')).toHaveLength(2);
});

describe('when Redis is lost', () => {
  /** A server that tests may kill: the test itself has no client connected to it. */
  async function mortalRedis() {
    const server = await startServer();
    onTestFinished(() => server.stop());
    return { server, there: cli(server) };
  }

  test('continues after a restart of any length, with a notice', async () => {
    const { server, there } = await mortalRedis();
    // The server has no persistence: the heartbeat registers the device again.
    const running = there.start('heartbeat d1 --register --type lamp --every 20ms -o name');
    await running.lines('stdout', 3);
    await server.kill();
    await running.says('stderr', 'retrying');
    await server.restart();
    await running.says('stderr', 'reconnected');
    expect(await there.json('get d1 --fields status')).toEqual({ status: 'online' });
    const { exit, stderr } = await running.stop();
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: 'connection lost; retrying\nreconnected\n' });
  });

  test('without return: --count ends it with exit 5, a signal ends it at once', async () => {
    const { server, there } = await mortalRedis();
    await there.run('register d1 --type lamp');
    const counted = there.start('heartbeat d1 --every 50ms --count 8 -o name --request-timeout 300ms');
    const endless = there.start('heartbeat d1 --every 10ms -o name --request-timeout 1h');
    await Promise.all([counted.lines('stdout', 2), endless.lines('stdout', 2)]);
    await server.kill();
    const { exit, stderr } = await counted.done;
    expect(exit).toBe(5);
    expect(stderr).toMatch(/^connection lost; retrying\ndevstate: unix:.*redis.sock: .+\nhint: .*\n$/);
    expect(await endless.stop()).toMatchObject({ exit: 0, stderr: 'connection lost; retrying\n' });
  });
});

test('neither a transient refusal nor one invalid id ends it', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  await fleet.redis.config('SET', 'maxmemory', '1');
  const running = devstate.start(['heartbeat', 'd1', 'b\x01', '--every', '20ms', '-o', 'name']);
  await running.says('stderr', 'retrying');
  await fleet.redis.config('SET', 'maxmemory', '0');
  await running.lines('stdout', 2);
  await running.says('stderr', 'reconnected');
  const { exit, stderr } = await running.stop();
  expect([exit, stderr]).toEqual([7, expect.stringContaining('control characters')]);
});

test('standard input cannot be both the ids and the report', async () => {
  expect(await devstate.session('heartbeat - --report -', { stdin: '{"a":1}' })).toContain('exit 2');
});
