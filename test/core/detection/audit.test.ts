/** Which slices the audit returns, and when. What a detector finds with them is in test/contract/detection. */
import { describe, expect, test } from 'vitest';
import { Audit } from '../../../src/core/detection/audit.js';
import { MAX_DEVICES_PER_SCRIPT } from '../../../src/core/store/scripts.js';
import { openFleet, type SingleFleet, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

async function fleetOf(count: number): Promise<SingleFleet> {
  const fleet = await openFleet(redis);
  const ids = Array.from({ length: count }, (_, i) => `d${i}`);
  if (count > 0) await fleet.redis.sadd(fleet.keys.registered, ...ids);
  return fleet;
}

/** Reads slices until each of `count` devices was in one. Returns the number of slices and of ids in them. */
async function round(audit: Audit, count: number): Promise<{ slices: number; idCount: number }> {
  const seen = new Set<string>();
  let slices = 0;
  let idCount = 0;
  await until(async () => {
    const ids = await audit.next();
    if (ids.length > 0) slices += 1;
    idCount += ids.length;
    for (const id of ids) seen.add(id);
    return seen.size === count;
  });
  return { slices, idCount };
}

describe('the audit', () => {
  test('returns a small fleet in one slice, and the next slice a second later', async () => {
    const audit = new Audit((await fleetOf(10)).only, 'registered', 300_000, 1);
    expect(audit.msUntilNext()).toBe(0);
    expect(await audit.next()).toHaveLength(10);
    expect(await audit.next()).toEqual([]);
    expect(audit.msUntilNext()).toBeGreaterThan(0);
    expect(audit.msUntilNext()).toBeLessThanOrEqual(1000);
  });

  test('returns nothing for an empty fleet, and waits until the next slice', async () => {
    const audit = new Audit((await fleetOf(0)).only, 'registered', 300_000, 1);
    expect(await audit.next()).toEqual([]);
    expect(audit.msUntilNext()).toBeGreaterThan(0);
  });

  test('returns a large fleet in slices of one script each, spread over the round', async () => {
    const count = 30 * MAX_DEVICES_PER_SCRIPT;
    const audit = new Audit((await fleetOf(count)).only, 'registered', 600, 1);
    const start = performance.now();
    const { slices, idCount } = await round(audit, count);
    expect(performance.now() - start).toBeGreaterThan(600 / 3);
    expect(slices).toBeGreaterThanOrEqual(count / (2 * MAX_DEVICES_PER_SCRIPT));
    expect(idCount).toBeLessThan(1.5 * count);
  });

  test('starts its scan again on a new connection, because a cursor is valid on its server only', async () => {
    const fleet = await fleetOf(10 * MAX_DEVICES_PER_SCRIPT);
    const audit = new Audit(fleet.only, 'registered', 10, 1);
    const slice = async () => {
      await until(() => audit.msUntilNext() === 0);
      return audit.next();
    };
    const first = await slice();
    await fleet.redis.client('KILL', 'ID', await fleet.redis.client('ID'), 'SKIPME', 'no');
    await until(() => fleet.redis.status === 'ready');
    await slice();
    expect((await slice()).slice(0, first.length)).toEqual(first);
  });

  test('returns a device that was registered later in the next round', async () => {
    const fleet = await fleetOf(MAX_DEVICES_PER_SCRIPT);
    const audit = new Audit(fleet.only, 'registered', 10, 1);
    await round(audit, MAX_DEVICES_PER_SCRIPT);
    await fleet.redis.sadd(fleet.keys.registered, 'late');
    await until(async () => (await audit.next()).includes('late'));
  });

  test('of the online set returns only the ids whose heartbeat key is gone', async () => {
    const fleet = await fleetOf(3);
    await fleet.redis.sadd(fleet.keys.online, 'd0', 'alive', 'stray');
    for (const id of ['d0', 'alive']) await fleet.redis.set(fleet.keys.heartbeat(id), '1');
    expect(await new Audit(fleet.only, 'online', 10, 1).next()).toEqual(['stray']);
  });
});
