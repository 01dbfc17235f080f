/** register, and the TTL that a device is registered with. */
import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register, registerAll } from '../../../src/core/registry/register.js';
import { unregisterAll } from '../../../src/core/registry/unregister.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { articleProgram, articleReader } from '../../support/article.mjs';
import {
  DIALECTS,
  failure,
  failures,
  openFleet,
  type SingleFleet,
  scoreOf,
  snapshot,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

describe.each(DIALECTS)('register in a %s fleet', (dialect) => {
  let fleet: SingleFleet;
  const storedTypes = async () => (await fleet.redis.smembers(fleet.keys.types)).sort();
  const idsOfType = (type: string) => fleet.redis.smembers(fleet.keys.type(type));

  beforeEach(async () => {
    fleet = await openFleet(redis, { dialect });
  });

  test('creates the record, and adds the device to every set and the index', async () => {
    const made = await register(fleet, 'd1', 'lamp', { metadataJson: '{"place":"hall"}' });
    expect(made).toMatchObject({ deviceId: 'd1', deviceType: 'lamp', created: true });
    expect(await readDevice(fleet, 'd1')).toMatchObject({
      deviceType: 'lamp',
      status: 'offline',
      lastSeen: null,
      registeredAt: made.registeredAt,
      reportedJson: '{}',
      desiredJson: '{}',
      metadataJson: '{"place":"hall"}',
      presenceSeq: 0,
    });
    expect(await fleet.redis.smembers(fleet.keys.registered)).toEqual(['d1']);
    expect([await idsOfType('lamp'), await storedTypes(), await scoreOf(fleet, 'd1')]).toEqual([
      ['d1'],
      ['lamp'],
      0,
    ]);
  });

  test('keeps all fields of a registered device', async () => {
    const { registeredAt } = await register(fleet, 'd1', 'lamp', { metadataJson: '{"a":1}', ttl: 90_000 });
    await heartbeat(fleet, { id: 'd1', reportedJson: '{"on":true}' });
    await setDesired(fleet, 'd1', { on: false });
    await fleet.redis.hset(fleet.keys.state('d1'), 'firmware', '7');
    const before = await readDevice(fleet, 'd1');
    expect(await register(fleet, 'd1', 'lamp')).toMatchObject({ created: false, registeredAt });
    expect(await readDevice(fleet, 'd1')).toEqual({
      ...before,
      expiresAt: expect.closeTo(before.expiresAt ?? 0, -1),
    });
    expect(await fleet.redis.hget(fleet.keys.state('d1'), 'firmware')).toBe('7');
    expect(await scoreOf(fleet, 'd1')).toBeGreaterThan(registeredAt);
  });

  test('changes metadata and TTL when given, and keeps the versions', async () => {
    await register(fleet, 'd1', 'lamp', { metadataJson: '{"a":1}', ttl: 90_000 });
    await setDesired(fleet, 'd1', { on: false });
    await register(fleet, 'd1', 'lamp', { metadataJson: '{"b":2}' });
    expect(await readDevice(fleet, 'd1')).toMatchObject({ metadataJson: '{"b":2}', heartbeatTtl: 90_000 });
    await register(fleet, 'd1', 'lamp', { ttl: 30_000 });
    const changed = { metadataJson: '{"b":2}', heartbeatTtl: 30_000, desiredVersion: 1 };
    expect(await readDevice(fleet, 'd1')).toMatchObject(changed);
  });

  test('moves the device to its new type, and removes a type without devices', async () => {
    await register(fleet, 'd1', 'lamp');
    await register(fleet, 'd2', 'lamp');
    await register(fleet, 'd1', 'plug');
    expect([await idsOfType('lamp'), await idsOfType('plug'), await storedTypes()]).toEqual([
      ['d2'],
      ['d1'],
      ['lamp', 'plug'],
    ]);
    await register(fleet, 'd2', 'plug');
    expect([await idsOfType('lamp'), await storedTypes()]).toEqual([[], ['plug']]);
  });

  test('unregister removes the device from all type sets, when another program changed its type', async () => {
    await registerAll(
      fleet,
      ['d1', 'd2', 'd3'].map((id) => ({ id, type: 'lamp' })),
    );
    await register(fleet, 'd4', 'plug');
    const program = articleProgram(fleet.redis, dialect);
    for (const id of ['d1', 'd2']) await program.register(id, 'plug');
    await program.register('d4', 'meter');
    expect([(await idsOfType('lamp')).length, (await idsOfType('plug')).length]).toEqual([3, 3]);
    await unregisterAll(fleet, ['d1', 'd2']);
    expect([await idsOfType('lamp'), await idsOfType('plug'), await storedTypes()]).toEqual([
      ['d3'],
      ['d4'],
      ['lamp', 'plug'],
    ]);
    await unregisterAll(fleet, ['d3', 'd4']);
    expect(await fleet.redis.keys('devices:type*')).toEqual([]);
  });

  test('leaves the device in one type set, when several connections register several types', async () => {
    await register(fleet, 'd1', 't0');
    const others = await Promise.all([openFleet(redis, { dialect }), openFleet(redis, { dialect })]);
    await Promise.all(others.flatMap((other, i) => [1, 2, 3].map((n) => register(other, 'd1', `t${n}${i}`))));
    const { deviceType } = await readDevice(fleet, 'd1');
    expect(await storedTypes()).toEqual([deviceType]);
    expect(await fleet.redis.keys('devices:type:*')).toEqual([`devices:type:${deviceType}`]);
  });

  test('with onlyIfNew fails with CONFLICT for a registered device, and nothing is written', async () => {
    expect(await register(fleet, 'd1', 'lamp', { onlyIfNew: true })).toMatchObject({ created: true });
    const before = await snapshot(fleet.redis);
    const again = register(fleet, 'd1', 'plug', { onlyIfNew: true, metadataJson: '{"a":1}' });
    expect(await failure(again)).toMatchObject({
      code: 'CONFLICT',
      message: 'device "d1" is registered already',
    });
    expect(await snapshot(fleet.redis)).toEqual(before);
  });

  test('completes a record without an id that another program wrote, and keeps its fields', async () => {
    const [report, seen] =
      dialect === 'node' ? ['reportedState', 'lastSeen'] : ['reported_state', 'last_seen'];
    const state = { status: 'online', [seen]: '1700000000', [report]: '{"on":true}', extra: 'x' };
    await fleet.redis.hset(fleet.keys.state('d1'), state);
    expect(await register(fleet, 'd1', 'lamp')).toMatchObject({ created: true });
    expect(await readDevice(fleet, 'd1')).toMatchObject({ reportedJson: '{"on":true}', desiredJson: '{}' });
    expect(await fleet.redis.hgetall(fleet.keys.state('d1'))).toMatchObject(state);
    expect(await articleReader(fleet.redis, dialect).device('d1')).toMatchObject({
      deviceId: 'd1',
      metadata: {},
    });
  });
});

describe('the TTL of a heartbeat', () => {
  const ttlOf = async (fleet: SingleFleet, beat: { ttl?: number }, defaultTtl?: number) => {
    const { lastSeen, expiresAt } = await heartbeat(fleet, { id: 'd1', ...beat }, defaultTtl);
    return expiresAt - lastSeen;
  };

  test('is that of the call, else of the record, else the default', async () => {
    const fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    expect(await ttlOf(fleet, {})).toBe(60_000);
    expect(await ttlOf(fleet, {}, 20_000)).toBe(20_000);
    await register(fleet, 'd1', 'lamp', { ttl: 90_000 });
    expect(await ttlOf(fleet, {}, 20_000)).toBe(90_000);
    expect(await ttlOf(fleet, { ttl: 5_000 }, 20_000)).toBe(5_000);
    expect(await ttlOf(fleet, {}, 20_000)).toBe(90_000);
  });

  test('is rounded to whole ms, the same in key, index and result', async () => {
    const fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    expect(await ttlOf(fleet, { ttl: 50_000.6 })).toBe(50_001);
    expect(await scoreOf(fleet, 'd1')).toBe(
      await fleet.redis.call('PEXPIRETIME', fleet.keys.heartbeat('d1')),
    );
  });

  test.each([0, -5, Number.NaN, Number.POSITIVE_INFINITY])(
    'is refused as %d with USAGE, and nothing is written',
    async (ttl) => {
      const fleet = await openFleet(redis);
      await register(fleet, 'd1', 'lamp');
      const before = await snapshot(fleet.redis);
      for (const error of await failures(
        register(fleet, 'd1', 'lamp', { ttl }),
        heartbeat(fleet, { id: 'd1', ttl }),
        heartbeat(fleet, { id: 'd1', ttl, patch: {} }),
        heartbeat(fleet, { id: 'd1' }, ttl),
      )) {
        expect(error).toMatchObject({
          code: 'USAGE',
          message: ttl > 1 ? 'a TTL must be at most 3650d' : `a TTL must be at least 1 ms, not ${ttl}`,
        });
      }
      expect(await heartbeats(fleet, [{ id: 'd1', ttl }])).toMatchObject([{ code: 'USAGE' }]);
      expect(await snapshot(fleet.redis)).toEqual(before);
    },
  );

  test('is stored as the longest TTL of the fleet, when it is the longest', async () => {
    const fleet = await openFleet(redis);
    const storedLongestTtl = () => fleet.redis.hget(fleet.keys.meta, 'longestTtl');
    await register(fleet, 'd1', 'lamp', { ttl: 60_000 });
    expect(await storedLongestTtl()).toBeNull();
    await register(fleet, 'd1', 'lamp', { ttl: 90_000 });
    expect(await storedLongestTtl()).toBe('90000');
    await heartbeat(fleet, { id: 'd1', ttl: 120_000 });
    await heartbeat(await openFleet(redis), { id: 'd1', ttl: 100_000 });
    expect(await storedLongestTtl()).toBe('120000');
  });
});
