/** A type that another program stored and that is not UTF-8: it cannot be given to a script, because decoding changes it. */
import { beforeEach, expect, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { openFleet, type SingleFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
  await register(fleet, 'a', 'lamp');
  await heartbeat(fleet, { id: 'a' });
  await fleet.redis.hset(fleet.keys.state('a'), 'deviceType', Buffer.from([0x63, 0xe9]));
  await fleet.redis.config('RESETSTAT');
});

test('the device can be registered with another type, in few scripts', async () => {
  expect(await register(fleet, 'a', 'plug')).toMatchObject({ created: false, deviceType: 'plug' });
  expect(await fleet.redis.hget(fleet.keys.state('a'), 'deviceType')).toBe('plug');
  expect(await fleet.redis.info('commandstats')).toMatch(/cmdstat_evalsha:calls=3,/);
});

test('the device can be unregistered, from its former types too, and registered again', async () => {
  await fleet.redis.sadd(fleet.keys.types, 'former');
  await fleet.redis.sadd(fleet.keys.type('former'), 'a');
  await unregister(fleet, 'a');
  expect(await fleet.redis.keys('devices:type*')).toEqual([]);
  expect(await fleet.redis.exists(fleet.keys.state('a'), fleet.keys.heartbeat('a'))).toBe(0);
  expect(await fleet.redis.sismember(fleet.keys.registered, 'a')).toBe(0);
  expect(await register(fleet, 'a', 'plug')).toMatchObject({ created: true, deviceType: 'plug' });
});
