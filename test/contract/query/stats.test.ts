/** How many there are: counted in the index or record by record, the same figures. */
import { beforeEach, describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { listDevices } from '../../../src/core/query/list.js';
import { fleetStats } from '../../../src/core/query/stats.js';
import { register, registerAll } from '../../../src/core/registry/register.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { articleProgram } from '../../support/article.js';
import { allOf, cut, DIALECTS, failure, openFleet, scoreOf, serverNow, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

/** 700 meters never seen, 3 lamps online, one lapsed, one found offline, and a plug that another program beats for. */
async function someDevices(fleet: Fleet): Promise<void> {
  const meters = Array.from({ length: 700 }, (_, i) => ({ id: `meter-${i}`, type: 'meter' }));
  await registerAll(fleet, meters);
  const lamps = ['up-1', 'up-2', 'up-3', 'lapsed', 'found'];
  await registerAll(
    fleet,
    lamps.map((id) => ({ id, type: 'lamp' })),
  );
  await heartbeats(
    fleet,
    lamps.map((id) => ({ id, ttl: id === 'lapsed' ? 1 : 60_000 })),
  );
  await cut(fleet, 'lapsed', 'found');
  await settle(fleet, ['found']);
  await until(async () => (await serverNow(fleet.redis)) > ((await scoreOf(fleet, 'lapsed')) as number));
}

const WHOLE = { deviceType: null, registered: 705, online: 3, offline: 702, neverSeen: 700, lapsed: 1 };
const TYPES = [
  { deviceType: 'lamp', registered: 5, online: 3, offline: 2, neverSeen: 0, lapsed: 1 },
  { deviceType: 'meter', registered: 700, online: 0, offline: 700, neverSeen: 700, lapsed: 0 },
];

describe.each(['shared', 'exclusive'] as const)('in a %s fleet', (writers) => {
  let fleet: Fleet;

  beforeEach(async () => {
    fleet = await openFleet(redis);
    await declareFleet(fleet, { writers });
  });

  test('an empty fleet is all zeros, and has no type', async () => {
    expect(await fleetStats(fleet)).toMatchObject([{ registered: 0, online: 0, lapsed: 0 }]);
    expect(await fleetStats(fleet, { byType: true })).toEqual([]);
  });

  test('counts the whole, and each type', async () => {
    await someDevices(fleet);
    expect(await fleetStats(fleet)).toEqual([{ ...WHOLE, at: expect.any(Number) }]);
    const looked: number[] = [];
    const rows = await fleetStats(fleet, { byType: true, onLooked: (count) => looked.push(count) });
    expect(rows).toEqual(TYPES.map((row) => ({ ...row, at: rows[0]?.at })));
    expect(looked.at(-1)).toBe(705);
  });
});

describe.each(DIALECTS)('going exclusive in a %s fleet', (dialect) => {
  test('brings sets, types and index in line with what other programs left', async () => {
    const fleet = await openFleet(redis, { dialect });
    const article = articleProgram(await redis.client(), dialect);
    await register(fleet, 'moved', 'lamp');
    await article.register('moved', 'plug');
    await article.register('theirs', 'plug');
    await article.heartbeat('theirs');
    await heartbeat(fleet, { id: 'moved' });
    await cut(fleet, 'moved');
    await fleet.redis.sadd('devices:online', 'ghost');
    await fleet.redis.zadd('devices:activity', 5, 'ghost');
    await fleet.redis.srem('devices:type:plug', 'theirs');
    const before = await allOf(listDevices(fleet));
    expect(await declareFleet(fleet, { writers: 'exclusive' })).toEqual({
      version: 1,
      partitions: 1,
      dialect,
      writers: 'exclusive',
    });
    expect((await fleet.settings()).exclusive).toBe(true);
    const strip = (row: (typeof before)[number]) => [row.deviceId, row.deviceType, row.status, row.lastSeen];
    expect((await allOf(listDevices(fleet))).map(strip).sort()).toEqual(before.map(strip).sort());
    expect(await fleet.redis.smembers('devices:online')).toEqual(['theirs']);
    expect(await fleet.redis.smembers('devices:types')).toEqual(['plug']);
    expect((await fleet.redis.smembers('devices:type:plug')).sort()).toEqual(['moved', 'theirs']);
    expect(await fleet.redis.exists('devices:type:lamp')).toBe(0);
    expect(await fleet.redis.zcard('devices:activity')).toBe(2);
    expect(await scoreOf(fleet, 'theirs')).toBeGreaterThan(Date.now());
    expect(await fleetStats(fleet)).toMatchObject([{ registered: 2, online: 1, offline: 1, lapsed: 0 }]);
    expect(await declareFleet(fleet, { writers: 'shared' })).toMatchObject({ writers: 'shared' });
    expect(await declareFleet(fleet)).toMatchObject({ writers: 'shared', dialect });
  });
});

test('going exclusive is refused while a device cannot be indexed, and takes in who was not registered', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'good', 'lamp');
  await fleet.redis.sadd(fleet.keys.registered, 'broken');
  await fleet.redis.set(fleet.keys.state('broken'), 'x');
  await fleet.redis.hset(fleet.keys.state('stray'), {
    deviceId: 'stray',
    deviceType: 'plug',
    status: 'online',
  });
  await fleet.redis.set(fleet.keys.heartbeat('stray'), '1');
  await fleet.redis.sadd(fleet.keys.online, 'stray');
  expect(await failure(declareFleet(fleet, { writers: 'exclusive' }))).toMatchObject({
    code: 'BAD_RECORD',
    message: expect.stringContaining('1 devices cannot be indexed: device:state:broken holds'),
  });
  expect((await fleet.settings()).exclusive).toBe(false);
  await fleet.redis.del(fleet.keys.state('broken'));
  await fleet.redis.srem(fleet.keys.registered, 'broken');
  await declareFleet(fleet, { writers: 'exclusive' });
  expect(await fleetStats(fleet)).toMatchObject([{ registered: 2, online: 1 }]);
  expect((await fleetStats(fleet, { byType: true })).map(({ deviceType }) => deviceType)).toEqual([
    'lamp',
    'plug',
  ]);
});
