/** Redis forgets notify-keyspace-events at a restart, so the detector must set it again. */
import { expect, test } from 'vitest';
import { startDevstate, useProcesses } from '../support/chaos/processes.js';
import { openFleet, until } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';

const redis = useRedis();
useProcesses();

test('a detector with the keyspace strategy sets notify-keyspace-events again after a restart of Redis', async () => {
  const fleet = await openFleet(redis, {}, { maxRetriesPerRequest: null });
  fleet.redis.on('error', () => {});
  const flags = async () => (await fleet.redis.config('GET', 'notify-keyspace-events')) as string[];
  const detector = startDevstate(redis.url, 'detect', '--strategy', 'keyspace');
  await detector.untilStderr('detecting');
  expect((await flags())[1]).toMatch(/^(?=.*E)(?=.*x)/);
  await redis.server.restart();
  await until(async () => /^(?=.*E)(?=.*x)/.test((await flags())[1] ?? ''));
  detector.kill('SIGTERM');
  expect(await detector.exit).toBe(0);
});
