/** declareFleet with exclusive writers repairs sets and index first, and refuses when a record cannot be indexed. */
import { describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { listDevices } from '../../../src/core/query/list.js';
import { fleetStats } from '../../../src/core/query/stats.js';
import { register } from '../../../src/core/registry/register.js';
import { articleProgram } from '../../support/article.mjs';
import { allOf, cut, DIALECTS, failure, openFleet, scoreOf } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

describe.each(DIALECTS)('declaring a %s fleet exclusive', (dialect) => {
  test('repairs sets, types and index after writes of another program', async () => {
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
      deviceLogins: false,
      hold: 2,
      history: { reported: 20, desired: 100, presence: 100 },
      logCap: 100_000,
    });
    expect((await fleet.settings()).exclusive).toBe(true);
    const comparable = (row: (typeof before)[number]) => [
      row.deviceId,
      row.deviceType,
      row.status,
      row.lastSeen,
    ];
    expect((await allOf(listDevices(fleet))).map(comparable).sort()).toEqual(before.map(comparable).sort());
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

test('declaring a fleet exclusive fails while a record cannot be indexed, and registers unregistered devices', async () => {
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

test('declaring a fleet exclusive fails while another program has stored an invalid id or type', async () => {
  const fleet = await openFleet(redis);
  const { keys } = fleet;
  await fleet.redis.sadd(keys.registered, ' bad');
  await fleet.redis.hset(keys.state(' bad'), { deviceId: ' bad', deviceType: 'lamp' });
  expect(await failure(declareFleet(fleet, { writers: 'exclusive' }))).toMatchObject({
    code: 'BAD_RECORD',
    message: expect.stringContaining('a device id must not begin or end with white space'),
  });
  await fleet.redis.del(keys.registered, keys.state(' bad'));
  await fleet.redis.sadd(keys.types, ' t ');
  expect(await failure(declareFleet(fleet, { writers: 'exclusive' }))).toMatchObject({ code: 'USAGE' });
});
