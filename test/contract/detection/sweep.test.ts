/** A sweep settles every device whose deadline has passed, and no other. */
import { expect, test } from 'vitest';
import { sweep } from '../../../src/core/detection/sweep.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { register, registerAll } from '../../../src/core/registry/register.js';
import { articleProgram } from '../../support/article.mjs';
import {
  expired,
  logOf,
  numberedIds,
  openFleet,
  type SingleFleet,
  scoreOf,
  serverNow,
  storyOf,
  until,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

/** Runs a sweep, and returns the ids announced offline. */
async function runSweep(fleet: SingleFleet): Promise<string[]> {
  const found: string[] = [];
  for await (const { deviceId } of sweep(fleet)) found.push(deviceId);
  return found;
}

test('three concurrent sweeps announce each of 450 expired devices once', async () => {
  const fleet = await openFleet(redis);
  const ids = numberedIds(450).sort();
  await Promise.all(ids.map((id) => register(fleet, id, 'lamp')));
  await register(fleet, 'alive', 'lamp');
  await heartbeats(fleet, [...ids.map((id) => ({ id, ttl: 20 })), { id: 'alive' }]);
  await expired(fleet, ids.at(-1) as string);
  for (const id of ids) await expired(fleet, id);
  const rivals = await Promise.all([openFleet(redis), openFleet(redis)]);
  const found = await Promise.all([fleet, ...rivals].map(runSweep));
  expect([...new Set(found.flat())].sort()).toEqual(ids);
  expect(await logOf(fleet)).toHaveLength(2 * ids.length + 1);
  expect(await runSweep(fleet)).toEqual([]);
});

const HOUR_MS = 3_600_000;

test.each([
  ['and all devices stop', false],
  ['and one device sends on', true],
])(
  'the clock is set back by an hour, %s: a sweep gives each its TTL, and later ones announce it',
  async (_which, beatsOn) => {
    const fleet = await openFleet(redis);
    const ids = numberedIds(450); // several pages of the index
    await registerAll(
      fleet,
      [...ids, 'alive'].map((id) => ({ id, type: 'lamp' })),
    );
    const ahead = await openFleet(redis, { clock: () => Date.now() + HOUR_MS });
    await heartbeats(
      ahead,
      ids.map((id) => ({ id, ttl: 500 })),
    );
    if (beatsOn) await heartbeats(fleet, [{ id: 'alive', ttl: 60_000 }]);
    const announced = new Set(await runSweep(fleet));
    await until(async () => {
      for (const id of await runSweep(fleet)) announced.add(id);
      return announced.size === ids.length;
    });
    expect([...announced].sort()).toEqual(ids.sort());
  },
);

test('a sweep trusts the heartbeat key, and corrects the index', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  await heartbeats(fleet, [{ id: 'd1', ttl: 20 }]);
  await articleProgram(fleet.redis, 'node').heartbeat('d1'); // renews the key without updating the index
  await fleet.redis.zadd(fleet.keys.activity, '5', 'stray', '5', 'd1');
  expect(await runSweep(fleet)).toEqual([]);
  expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat']);
  expect(await scoreOf(fleet, 'd1')).toBeGreaterThan(await serverNow(fleet.redis));
  expect(await scoreOf(fleet, 'stray')).toBeNull();
});
