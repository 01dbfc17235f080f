/**
 * 300 ids of 1 MB that another program wrote: no command holds all of them at once, and no detector takes the time that
 * they take for an outage.
 */
import type { ChildProcess } from 'node:child_process';
import { beforeEach, expect, test } from 'vitest';
import { heartbeat } from '../../src/core/presence/heartbeats.js';
import { register } from '../../src/core/registry/register.js';
import { openFleet, type SingleFleet, until } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';
import { finished, says, start } from './bin-process.js';

const redis = useRedis();
const COUNT = 300;

let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
  await fleet.redis.flushall();
  await register(fleet, 'd1', 'lamp');
  await heartbeat(fleet, { id: 'd1', ttl: 600_000 });
});

/** Runs `command`, a command of Redis in Lua that uses the text `id`, for each of the ids. */
async function addIds(command: string): Promise<void> {
  const script = `for i = ARGV[1] + 1, ARGV[1] + 10 do
    local id = i .. string.rep('x', 1048576)
    ${command}
  end`;
  for (let i = 0; i < COUNT; i += 10) await fleet.redis.eval(script, 0, i);
}

/** @param maxHeapMib a program that holds half of the ids needs more than the default */
function run(command: string, maxHeapMib = 128): ChildProcess {
  return start(command.split(' '), {
    DEVSTATE_URL: redis.url,
    NODE_OPTIONS: `--max-old-space-size=${maxHeapMib}`,
  });
}

test.each([
  ['list -o name', 'registered'],
  ['stats', 'registered'],
  ['list-online -o name', 'online'],
])('%s tells them', async (command, set) => {
  await addIds(`redis.call('SADD', 'devices:${set}', id)`);
  const { exit, stderr } = await finished(run(command));
  expect(exit).toBe(0);
  expect(stderr).toMatch(/^ids without a registered record: 300 .*, for example "\d+x+…"$/m);
});

test('a list by the index tells them, also those behind other devices', async () => {
  await finished(run('init --writers exclusive'));
  await fleet.redis.zadd(
    fleet.keys.activity,
    ...Array.from({ length: 100 }, (_, i) => [i - 200, `off${i}`]).flat(),
  );
  await addIds(`redis.call('ZADD', 'devices:activity', -500, id)`);
  const { exit, stdout, stderr } = await finished(run('list --sort last-seen -o name', 384));
  expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'd1\n' });
  expect(stderr).toContain('ids without a registered record: 400 skipped');
});

test('watch-presence shows their beginning', async () => {
  await addIds(
    `redis.call('XADD', 'devices:presence:log', '*', 'deviceId', id, 'status', 'online', 'timestamp', '1')`,
  );
  const child = run('watch-presence --since 1h -o name');
  const output = finished(child);
  await says(child, 'stdout', `\n${COUNT}x`);
  child.kill('SIGINT');
  const { stdout } = await output;
  expect(stdout.split('\n')).toHaveLength(COUNT + 2);
  expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeLessThan(100);
});

test('a detector removes them from the index, and holds no device', async () => {
  const child = run('detect');
  const output = finished(child);
  await says(child, 'stderr', 'detecting');
  await addIds(`redis.call('SADD', 'devices:registered', id) redis.call('ZADD', 'devices:activity', 5, id)
    redis.call('PUBLISH', 'devices:presence', '{"type":"presence","status":"online","deviceId":"' .. id .. '"}')`);
  await until(async () => (await fleet.redis.zcard(fleet.keys.activity)) === 1);
  expect(await fleet.redis.zrange(fleet.keys.activity, 0, -1)).toEqual(['d1']);
  child.kill('SIGINT');
  const { exit, stdout, stderr } = await output;
  expect({ exit, stdout }).toEqual({ exit: 130, stdout: '' });
  // Redis ends a subscription whose messages are not read as fast as they come: the detector reads the index meanwhile.
  expect(stderr).not.toContain('marked offline');
});
