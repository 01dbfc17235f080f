/** fleetStats: counts from the index (exclusive) and record by record (shared) are the same. */
import { beforeEach, describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { fleetStats } from '../../../src/core/query/stats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { cut, openFleet, type SingleFleet, scoreOf, serverNow, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

/** 700 meters never seen; 3 lamps online, one expired and not settled, and one expired and settled. */
async function seedDevices(fleet: SingleFleet): Promise<void> {
  const meters = Array.from({ length: 700 }, (_, i) => ({ id: `meter-${i}`, type: 'meter' }));
  await registerAll(fleet, meters);
  const lamps = ['up-1', 'up-2', 'up-3', 'lapsed', 'settled'];
  await registerAll(
    fleet,
    lamps.map((id) => ({ id, type: 'lamp' })),
  );
  await heartbeats(
    fleet,
    lamps.map((id) => ({ id, ttl: id === 'lapsed' ? 1 : 60_000 })),
  );
  await cut(fleet, 'lapsed', 'settled');
  await settle(fleet.only, ['settled']);
  await until(async () => (await serverNow(fleet.redis)) > ((await scoreOf(fleet, 'lapsed')) as number));
}

const WHOLE = { deviceType: null, registered: 705, online: 3, offline: 702, neverSeen: 700, lapsed: 1 };
const TYPES = [
  { deviceType: 'lamp', registered: 5, online: 3, offline: 2, neverSeen: 0, lapsed: 1 },
  { deviceType: 'meter', registered: 700, online: 0, offline: 700, neverSeen: 700, lapsed: 0 },
];

describe.each(['shared', 'exclusive'] as const)('a fleet with %s writers', (writers) => {
  let fleet: SingleFleet;

  beforeEach(async () => {
    fleet = await openFleet(redis);
    await declareFleet(fleet, { writers });
  });

  test('has zero counts and no types when empty', async () => {
    expect(await fleetStats(fleet)).toMatchObject([{ registered: 0, online: 0, lapsed: 0 }]);
    expect(await fleetStats(fleet, { byType: true })).toEqual([]);
  });

  test('counts the whole fleet, and each type', async () => {
    await seedDevices(fleet);
    expect(await fleetStats(fleet)).toEqual([{ ...WHOLE, at: expect.any(Number) }]);
    const looked: number[] = [];
    const rows = await fleetStats(fleet, { byType: true, onProgress: (count) => looked.push(count) });
    expect(rows).toEqual(TYPES.map((row) => ({ ...row, at: rows[0]?.at })));
    expect(looked.at(-1)).toBe(705);
  });
});
