/** What a fleet says of itself, and how long it is believed. */
import { expect, it } from 'vitest';
import { heartbeat } from '../../src/core/heartbeats.js';
import { parseJsonObject } from '../../src/core/json.js';
import { register } from '../../src/core/registry.js';
import { setDesired } from '../../src/core/shadows.js';
import { articleProgram } from '../support/article.js';
import { failure, openFleet } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';

const redis = useRedis();

it('an empty fleet takes the dialect of whoever registers first, also in a process that looked before', async () => {
  const fleet = await openFleet(redis);
  expect((await fleet.settings()).dialect).toBe('node');
  await articleProgram(fleet.redis, 'python').register('d1', 'meter');
  await register(fleet, 'd2', 'meter');
  expect(await fleet.redis.hget('device:state:d2', 'device_id')).toBe('d2');
});

it('a record without an id field says nothing of the dialect', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.sadd(fleet.keys.registered, 'early');
  await fleet.redis.hset(fleet.keys.state('early'), 'status', 'online');
  expect((await fleet.settings()).dialect).toBe('node');
  await fleet.redis.hset(fleet.keys.state('early'), 'device_id', 'early');
  expect((await fleet.settings()).dialect).toBe('python');
});

it('a dialect that there is not is a broken record', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.hset(fleet.keys.meta, 'dialect', 'ruby');
  expect(await failure(fleet.settings())).toMatchObject({ code: 'BAD_RECORD' });
});

it('a desired document in another order of keys changes nothing, other digits do', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'meter');
  await setDesired(fleet, 'd1', parseJsonObject('{"a":1,"b":{"c":0.10}}'));
  const reordered = parseJsonObject('{"b":{"c":0.10},"a":1}');
  expect(await setDesired(fleet, 'd1', reordered, { replace: true })).toMatchObject({
    changed: false,
    version: 1,
  });
  expect(await setDesired(fleet, 'd1', parseJsonObject('{"a":1.0}'))).toMatchObject({
    changed: true,
    version: 2,
  });
});

it('a refused command notes no TTL', async () => {
  const fleet = await openFleet(redis);
  expect(await failure(heartbeat(fleet, { id: 'nobody', ttl: 900_000 }))).toMatchObject({
    code: 'NOT_FOUND',
  });
  await register(fleet, 'd1', 'meter');
  const again = register(fleet, 'd1', 'meter', { ttl: 900_000, onlyIfNew: true });
  expect(await failure(again)).toMatchObject({ code: 'CONFLICT' });
  expect(await fleet.redis.exists(fleet.keys.meta)).toBe(0);
  await heartbeat(fleet, { id: 'd1', ttl: 900_000 });
  expect(await fleet.redis.hget(fleet.keys.meta, 'longestTtl')).toBe('900000');
});
