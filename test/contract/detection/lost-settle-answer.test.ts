/** The answer to a detector's script is lost after Redis has announced an event: the detector still returns the event. */
import { expect, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { openDetector } from '../../support/detector.js';
import { useFaultProxy } from '../../support/faults/fault-proxy.js';
import { loseAnswer } from '../../support/faults/lose-answer.js';
import { expired, fleetAt, logOf, openFleet, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });

test('events whose answer was lost are returned once', async () => {
  const fleet = await openFleet(redis);
  for (const id of ['first', 'dies', 'last']) {
    await register(fleet, id, 'lamp');
    await heartbeat(fleet, { id, ttl: 60_000 });
  }
  const proxy = await useFaultProxy(redis.url);
  const detector = await openDetector(await fleetAt(proxy.url));
  const end = async (id: string) => {
    await heartbeat(fleet, { id, ttl: 1 });
    await expired(fleet.only, id);
  };
  await end('first');
  await detector.first(1);
  loseAnswer(proxy, 'device:state:dies', 'reset');
  await end('dies');
  await detector.first(2);
  await end('last');
  await detector.first(3);
  await until(async () => (await logOf(fleet.only)).length === 6);
  expect(detector.events).toEqual(
    (await logOf(fleet.only))
      .filter(({ reason }) => reason === 'timeout')
      .map((event) => expect.objectContaining({ ...event, id: expect.stringContaining(String(event.id)) })),
  );
});
