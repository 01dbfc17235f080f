/**
 * unregister of a device whose record cannot be read: the key holds another Redis type, or a field is too large. A device
 * with a login of its own may write both, and must not be able to stay in the fleet by it.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister, unregisterAll } from '../../../src/core/registry/unregister.js';
import { cli } from '../../support/cli.js';
import { cut, failure, logOf, openFleet, type SingleFleet, snapshot, storyOf } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });

const SPOIL: Record<string, (fleet: SingleFleet, id: string) => Promise<unknown>> = {
  'another Redis type': async ({ redis, keys }, id) => redis.set(keys.state(id), 'x'),
  'a type of 2 kB': async ({ redis, keys }, id) => redis.hset(keys.state(id), 'deviceType', 'x'.repeat(2048)),
  'an id of 2 kB': async ({ redis, keys }, id) => redis.hset(keys.state(id), 'deviceId', 'x'.repeat(2048)),
  'numbers of 2 kB': async ({ redis, keys }, id) => redis.hset(keys.state(id), 'devstate', '1'.repeat(2048)),
};

/** The keys of devices that are left. */
async function leftovers({ redis: raw }: SingleFleet): Promise<string[]> {
  return (await raw.keys('*')).filter((key) => !/presence:log|pulse|layout|meta/.test(key));
}

describe.each(Object.entries(SPOIL))('a device whose record has %s', (_, spoil) => {
  let fleet: SingleFleet;

  beforeEach(async () => {
    fleet = await openFleet(redis);
    await declareFleet(fleet, { deviceLogins: true });
    for (const id of ['d1', 'd2']) await register(fleet, id, 'lamp');
  });

  test('is removed with all its keys, and announced offline with its registered type', async () => {
    await heartbeat(fleet, { id: 'd1', reportedJson: '{"a":1}' });
    await spoil(fleet, 'd1');
    await unregister(fleet, 'd1');
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline unregister']);
    expect((await logOf(fleet, 'd1')).map(({ deviceType }) => deviceType)).toEqual(['lamp', 'lamp']);
    expect(await fleet.redis.smembers(fleet.keys.type('lamp'))).toEqual(['d2']);
    await unregister(fleet, 'd2');
    expect(await leftovers(fleet)).toEqual([]);
    expect(await failure(unregister(fleet, 'd1'))).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('that timed out is announced offline by its deadline, if that is still known', async () => {
    await heartbeat(fleet, { id: 'd1' });
    await cut(fleet, 'd1');
    await spoil(fleet, 'd1');
    await unregister(fleet, 'd1');
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline timeout']);
  });

  test('that timed out and was settled is not online, and is announced when it is removed', async () => {
    await heartbeat(fleet, { id: 'd1' });
    await spoil(fleet, 'd1');
    await settle(fleet.only, ['d1']);
    expect(await fleet.redis.smembers(fleet.keys.online)).toEqual(['d1']); // its heartbeat key exists
    await cut(fleet, 'd1');
    expect((await settle(fleet.only, ['d1'])).verdicts).toMatchObject([{ code: 'BAD_RECORD' }]);
    expect(await fleet.redis.smembers(fleet.keys.online)).toEqual([]);
    await unregister(fleet, 'd1');
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline unregister']);
  });

  test('that was never online is removed without an event', async () => {
    await spoil(fleet, 'd1');
    await unregister(fleet, 'd1');
    expect(await logOf(fleet)).toEqual([]);
    await unregister(fleet, 'd2');
    expect(await leftovers(fleet)).toEqual([]);
  });

  test.each(['none', 'another Redis type', 'no JSON'])(
    'and whose presence history is %s is removed without an event',
    async (history) => {
      await heartbeat(fleet, { id: 'd1' });
      await spoil(fleet, 'd1');
      const key = fleet.keys.history('presence', 'd1');
      await fleet.redis.del(key);
      if (history === 'another Redis type') await fleet.redis.set(key, 'x');
      if (history === 'no JSON') await fleet.redis.rpush(key, 'x');
      await unregister(fleet, 'd1');
      expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat']);
      await unregister(fleet, 'd2');
      expect(await leftovers(fleet)).toEqual([]);
    },
  );

  test('is removed from every type, and does not stop the removal of others', async () => {
    await fleet.redis.sadd(fleet.keys.types, 'former');
    await fleet.redis.sadd(fleet.keys.type('former'), 'd1');
    await spoil(fleet, 'd1');
    expect(await unregisterAll(fleet, ['d1', 'd2'])).toEqual([null, null]);
    expect(await leftovers(fleet)).toEqual([]);
  });

  test('is removed by the command line, and lists work again', async () => {
    await spoil(fleet, 'd1');
    const devstate = cli(redis);
    expect(await devstate.run('unregister d1 --yes')).toMatchObject({ exit: 0 });
    expect(await devstate.run('list -o name')).toMatchObject({ exit: 0, stdout: 'd2\n' });
  });
});

test('a key of another Redis type is not removed if no device is registered under its id', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.set(fleet.keys.state('d1'), 'of another program');
  const before = await snapshot(fleet.redis);
  expect(await failure(unregister(fleet, 'd1'))).toMatchObject({
    code: 'BAD_RECORD',
    reason: 'WRONG_KEY_TYPE',
    message: 'device:state:d1 holds a string, not a hash',
  });
  expect(await snapshot(fleet.redis)).toEqual(before);
});

test('in a fleet without device logins too, a key of another Redis type is removed with its device', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  await heartbeat(fleet, { id: 'd1' });
  await fleet.redis.set(fleet.keys.state('d1'), 'x');
  await unregister(fleet, 'd1');
  expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline unregister']);
  expect(await leftovers(fleet)).toEqual([]);
});
