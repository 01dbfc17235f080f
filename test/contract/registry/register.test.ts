/** Which devices there are. */
import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register, registerAll, unregisterAll } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { articleProgram, articleReader } from '../../support/article.js';
import { DIALECTS, failure, failures, openFleet, scoreOf, snapshot } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

describe.each(DIALECTS)('register in a %s fleet', (dialect) => {
  let fleet: Fleet;
  const types = async () => (await fleet.redis.smembers(fleet.keys.types)).sort();
  const ofType = (type: string) => fleet.redis.smembers(fleet.keys.type(type));

  beforeEach(async () => {
    fleet = await openFleet(redis, { dialect });
  });

  test('makes a record, and is in every index', async () => {
    const made = await register(fleet, 'd1', 'lamp', { metadataJson: '{"place":"hall"}' });
    expect(made).toMatchObject({ deviceId: 'd1', deviceType: 'lamp', created: true });
    expect(await readDevice(fleet, 'd1')).toMatchObject({
      ...{ deviceType: 'lamp', status: 'offline', lastSeen: null, registeredAt: made.registeredAt },
      ...{ reportedJson: '{}', desiredJson: '{}', metadataJson: '{"place":"hall"}', presenceSeq: 0 },
    });
    expect(await fleet.redis.smembers(fleet.keys.registered)).toEqual(['d1']);
    expect([await ofType('lamp'), await types(), await scoreOf(fleet, 'd1')]).toEqual([['d1'], ['lamp'], 0]);
  });

  test('of what is there wipes nothing', async () => {
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

  test('changes metadata and TTL where they are given, and keeps the versions', async () => {
    await register(fleet, 'd1', 'lamp', { metadataJson: '{"a":1}', ttl: 90_000 });
    await setDesired(fleet, 'd1', { on: false });
    await register(fleet, 'd1', 'lamp', { metadataJson: '{"b":2}' });
    expect(await readDevice(fleet, 'd1')).toMatchObject({ metadataJson: '{"b":2}', heartbeatTtl: 90_000 });
    await register(fleet, 'd1', 'lamp', { ttl: 30_000 });
    const changed = { metadataJson: '{"b":2}', heartbeatTtl: 30_000, desiredVersion: 1 };
    expect(await readDevice(fleet, 'd1')).toMatchObject(changed);
  });

  test('with another type moves it, and forgets a type that nobody has any more', async () => {
    await register(fleet, 'd1', 'lamp');
    await register(fleet, 'd2', 'lamp');
    await register(fleet, 'd1', 'plug');
    expect([await ofType('lamp'), await ofType('plug'), await types()]).toEqual([
      ['d2'],
      ['d1'],
      ['lamp', 'plug'],
    ]);
    await register(fleet, 'd2', 'plug');
    expect([await ofType('lamp'), await types()]).toEqual([[], ['plug']]);
  });

  test('after another program gave it another type: removed, it is in no type set, and empty ones are forgotten', async () => {
    await registerAll(
      fleet,
      ['d1', 'd2', 'd3'].map((id) => ({ id, type: 'lamp' })),
    );
    await register(fleet, 'd4', 'plug');
    const program = articleProgram(fleet.redis, dialect);
    for (const id of ['d1', 'd2']) await program.register(id, 'plug');
    await program.register('d4', 'meter');
    expect([(await ofType('lamp')).length, (await ofType('plug')).length]).toEqual([3, 3]);
    await unregisterAll(fleet, ['d1', 'd2']);
    expect([await ofType('lamp'), await ofType('plug'), await types()]).toEqual([
      ...[['d3'], ['d4'], ['lamp', 'plug']],
    ]);
    await unregisterAll(fleet, ['d3', 'd4']);
    expect(await fleet.redis.keys('devices:type*')).toEqual([]);
  });

  test('by several with several types at once ends in one type set', async () => {
    await register(fleet, 'd1', 't0');
    const others = await Promise.all([openFleet(redis, { dialect }), openFleet(redis, { dialect })]);
    await Promise.all(others.flatMap((other, i) => [1, 2, 3].map((n) => register(other, 'd1', `t${n}${i}`))));
    const { deviceType } = await readDevice(fleet, 'd1');
    expect(await types()).toEqual([deviceType]);
    expect(await fleet.redis.keys('devices:type:*')).toEqual([`devices:type:${deviceType}`]);
  });

  test('only if new: a conflict, and nothing written', async () => {
    expect(await register(fleet, 'd1', 'lamp', { onlyIfNew: true })).toMatchObject({ created: true });
    const before = await snapshot(fleet.redis);
    const again = register(fleet, 'd1', 'plug', { onlyIfNew: true, metadataJson: '{"a":1}' });
    expect(await failure(again)).toMatchObject({
      code: 'CONFLICT',
      message: 'device "d1" is registered already',
    });
    expect(await snapshot(fleet.redis)).toEqual(before);
  });

  test('completes the early record of another program, and keeps what it says', async () => {
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
  const ttlOf = async (fleet: Fleet, beat: { ttl?: number }, defaultTtl?: number) => {
    const { lastSeen, expiresAt } = await heartbeat(fleet, { id: 'd1', ...beat }, defaultTtl);
    return expiresAt - lastSeen;
  };

  test('is the call’s, else the record’s, else the default', async () => {
    const fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    expect(await ttlOf(fleet, {})).toBe(60_000);
    expect(await ttlOf(fleet, {}, 20_000)).toBe(20_000);
    await register(fleet, 'd1', 'lamp', { ttl: 90_000 });
    expect(await ttlOf(fleet, {}, 20_000)).toBe(90_000);
    expect(await ttlOf(fleet, { ttl: 5_000 }, 20_000)).toBe(5_000);
    expect(await ttlOf(fleet, {}, 20_000)).toBe(90_000);
  });

  test('is rounded to whole ms, the same in key, index and answer', async () => {
    const fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    expect(await ttlOf(fleet, { ttl: 50_000.6 })).toBe(50_001);
    expect(await scoreOf(fleet, 'd1')).toBe(
      await fleet.redis.call('PEXPIRETIME', fleet.keys.heartbeat('d1')),
    );
  });

  test.each([0, -5, Number.NaN, Number.POSITIVE_INFINITY])(
    'is not %d: USAGE, nothing written',
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
          message: `a TTL must be at least 1 ms, not ${ttl}`,
        });
      }
      expect(await heartbeats(fleet, [{ id: 'd1', ttl }])).toMatchObject([{ code: 'USAGE' }]);
      expect(await snapshot(fleet.redis)).toEqual(before);
    },
  );

  test('that is the longest so far is noted for the fleet', async () => {
    const fleet = await openFleet(redis);
    const noted = () => fleet.redis.hget(fleet.keys.meta, 'longestTtl');
    await register(fleet, 'd1', 'lamp', { ttl: 60_000 });
    expect(await noted()).toBeNull();
    await register(fleet, 'd1', 'lamp', { ttl: 90_000 });
    expect(await noted()).toBe('90000');
    await heartbeat(fleet, { id: 'd1', ttl: 120_000 });
    await heartbeat(await openFleet(redis), { id: 'd1', ttl: 100_000 });
    expect(await noted()).toBe('120000');
  });
});
