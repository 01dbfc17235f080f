/** The end of the commands that run until a signal, as processes of their own. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { beforeEach, describe, expect, test } from 'vitest';
import { isDetectorRunning } from '../../src/core/detection/detector-running.js';
import { heartbeat } from '../../src/core/presence/heartbeats.js';
import { register } from '../../src/core/registry/register.js';
import { cli } from '../support/cli.js';
import { bringOnline, expired, openFleet, type SingleFleet, until } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';
import { start } from './bin-process.js';

const redis = useRedis();

let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
});

/** Starts the program and waits for its first output. */
async function started(
  url: string,
  ...argv: string[]
): Promise<{ child: ChildProcess; output: () => string }> {
  const child = start(argv, { DEVSTATE_URL: url });
  let output = '';
  const append = (chunk: Buffer) => {
    output += chunk;
  };
  child.stdout?.on('data', append);
  child.stderr?.on('data', append);
  await until(() => /detecting|watching|TIME/.test(output));
  return { child, output: () => output };
}

test.each<[NodeJS.Signals, string, number]>([
  ['SIGTERM', 'detect', 0],
  ['SIGINT', 'detect', 130],
  ['SIGTERM', 'watch-presence --detect', 143],
  ['SIGINT', 'watch-presence', 130],
  ['SIGTERM', 'history d1 --follow', 143],
  ['SIGINT', 'history d1 --follow', 130],
])('%s ends %s within a second, exit %i', async (signal, argv, exit) => {
  await register(fleet, 'd1', 'lamp');
  await heartbeat(fleet, { id: 'd1' });
  const { child, output } = await started(redis.url, ...argv.split(' '));
  const asked = performance.now();
  child.kill(signal);
  const [code] = (await once(child, 'exit')) as [number];
  expect([code, performance.now() - asked < 1000], output()).toEqual([exit, true]);
  expect(await isDetectorRunning(fleet)).toBe(false);
  if (argv === 'detect') expect(output()).toMatch(/0 went offline in \d/);
});

test.each(['detect', 'watch-presence'])('%s without a reader of its output ends on SIGTERM', async (argv) => {
  const { child } = await started(redis.url, argv, '-o', 'ndjson');
  child.stdout?.removeAllListeners('data').pause();
  const ids = Array.from({ length: 3000 }, (_, i) => `d${i}`); // more than the buffer of a pipe
  await bringOnline(fleet, ids, () => 20);
  for (const id of ids) await expired(fleet, id);
  if (argv === 'watch-presence') await cli(redis).run('detect --once -q');
  await until(async () => (await fleet.redis.xlen(fleet.keys.log)) === 2 * ids.length);
  const asked = performance.now();
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number];
  expect([code, performance.now() - asked < 1500]).toEqual([argv === 'detect' ? 0 : 143, true]);
});

describe('with Redis stopped', () => {
  const mortal = useRedis();

  test.each<[string, number]>([
    ['detect', 0],
    ['watch-presence', 143],
  ])('SIGTERM ends %s', async (argv, exit) => {
    const { child, output } = await started(mortal.url, argv, '--request-timeout', '30s');
    await mortal.server.kill();
    try {
      const asked = performance.now();
      child.kill('SIGTERM');
      const [code] = (await once(child, 'exit')) as [number];
      expect([code, performance.now() - asked < 2000], output()).toEqual([exit, true]);
    } finally {
      await mortal.server.restart();
    }
  });
});
