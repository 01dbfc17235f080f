/** A flag that was set while Redis ran is gone when it is restarted; nobody else would set it again. */
import { expect, test } from 'vitest';
import { devstate, usePrograms } from '../support/chaos/processes.js';
import { openFleet, until } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';

const redis = useRedis();
usePrograms();

test('the keyspace strategy sets its flags again after Redis was restarted', async () => {
  const fleet = await openFleet(redis, {}, { maxRetriesPerRequest: null });
  fleet.redis.on('error', () => {});
  const flags = async () => (await fleet.redis.config('GET', 'notify-keyspace-events')) as string[];
  const detector = devstate(redis.url, 'detect', '--strategy', 'keyspace');
  await detector.says('detecting');
  expect((await flags())[1]).toMatch(/^(?=.*E)(?=.*x)/);
  await redis.server.restart();
  await until(async () => /^(?=.*E)(?=.*x)/.test((await flags())[1] ?? ''));
  detector.kill('SIGTERM');
  expect(await detector.exit).toBe(0);
});
