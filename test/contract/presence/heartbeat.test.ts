/** heartbeat and heartbeats: presence, TTL, reports, merges, history, and items that fail by themselves. */
import { beforeEach, describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import {
  DIALECTS,
  entriesOf,
  expired,
  failure,
  historyOf,
  logOf,
  openFleet,
  type SingleFleet,
  scoreOf,
  snapshot,
  storyOf,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

describe.each(DIALECTS)('a heartbeat in a %s fleet', (dialect) => {
  let fleet: SingleFleet;
  const beat = (reportedJson?: string, ttl?: number) =>
    heartbeat(fleet, { id: 'd1', ...(reportedJson && { reportedJson }), ...(ttl && { ttl }) });

  beforeEach(async () => {
    fleet = await openFleet(redis, { dialect });
    await register(fleet, 'd1', 'lamp');
  });

  test('writes the same deadline to key, record and index', async () => {
    const { lastSeen, expiresAt, ...rest } = await beat('{"on":true}');
    expect(rest).toEqual({ deviceId: 'd1', status: 'online', wasOffline: true, desiredVersion: 0 });
    expect(await fleet.redis.call('PEXPIRETIME', fleet.keys.heartbeat('d1'))).toBe(expiresAt);
    expect(await scoreOf(fleet, 'd1')).toBe(expiresAt);
    expect(await fleet.redis.smembers(fleet.keys.online)).toEqual(['d1']);
    expect(await readDevice(fleet, 'd1')).toMatchObject({
      status: 'online',
      lastSeen,
      reportedJson: '{"on":true}',
      reportedVersion: 1,
      reportedAt: lastSeen,
      presenceSeq: 1,
      presenceAt: lastSeen,
    });
  });

  test('announces online once', async () => {
    expect(await beat()).toMatchObject({ wasOffline: true });
    expect(await beat()).toMatchObject({ wasOffline: false });
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat']);
    expect(await historyOf(fleet, 'presence', 'd1')).toHaveLength(1);
  });

  test('after an expiry announces offline at the deadline and online now', async () => {
    const first = await beat(undefined, 20);
    await expired(fleet, 'd1');
    const second = await beat();
    expect(second.wasOffline).toBe(true);
    expect(await logOf(fleet, 'd1')).toMatchObject([
      { seq: 1, status: 'online', reason: 'heartbeat', timestamp: first.lastSeen, previousAt: null },
      {
        seq: 2,
        status: 'offline',
        reason: 'timeout',
        timestamp: first.expiresAt,
        previousAt: first.lastSeen,
      },
      {
        seq: 3,
        status: 'online',
        reason: 'heartbeat',
        timestamp: second.lastSeen,
        previousAt: first.expiresAt,
      },
    ]);
  });

  test('without a report keeps the stored report', async () => {
    await beat('{"on":true}');
    await beat();
    expect(await readDevice(fleet, 'd1')).toMatchObject({ reportedJson: '{"on":true}', reportedVersion: 1 });
  });

  test('with an unchanged report writes no version and no history', async () => {
    const { lastSeen } = await beat('{"on":true}');
    await beat('{"on":true}');
    expect(await readDevice(fleet, 'd1')).toMatchObject({ reportedVersion: 1, reportedAt: lastSeen });
    await beat('{"on":false}');
    expect(await readDevice(fleet, 'd1')).toMatchObject({ reportedVersion: 2 });
    expect(await entriesOf(fleet, 'reported', 'd1')).toEqual([
      { at: lastSeen, version: 1, first: true, value: { on: true } },
      { at: expect.any(Number), version: 2, value: { on: false } },
    ]);
  });

  test('of an unregistered device, or a record without an id, fails with NOT_FOUND, and nothing is written', async () => {
    await fleet.redis.hset(fleet.keys.state('early'), 'status', 'online');
    const before = await snapshot(fleet.redis);
    for (const id of ['nobody', 'early']) {
      const error = await failure(heartbeat(fleet, { id, reportedJson: '{}' }));
      expect(error).toMatchObject({ code: 'NOT_FOUND', message: `device "${id}" is not registered` });
    }
    expect(await snapshot(fleet.redis)).toEqual(before);
  });

  test('with registerAs registers an unregistered device', async () => {
    await heartbeat(fleet, { id: 'new', reportedJson: '{"a":1}', registerAs: 'plug' });
    expect(await readDevice(fleet, 'new')).toMatchObject({
      deviceType: 'plug',
      reportedJson: '{"a":1}',
      presenceSeq: 1,
    });
    await heartbeat(fleet, { id: 'd1', registerAs: 'plug' });
    expect(await readDevice(fleet, 'd1')).toMatchObject({ deviceType: 'lamp' });
  });

  test('merges a patch into the report, and loses none of 30 concurrent patches', async () => {
    await beat('{"keep":{"a":1,"b":2},"drop":1}');
    const others = await Promise.all([1, 2, 3].map(() => openFleet(redis, { dialect })));
    await heartbeat(fleet, { id: 'd1', patch: { drop: null, keep: { b: null } } });
    const patches = Array.from({ length: 30 }, (_, i) => ({ [`k${i}`]: i as never }));
    await Promise.all(
      patches.map((patch, i) => heartbeat(others[i % 3] as SingleFleet, { id: 'd1', patch })),
    );
    const { reportedJson, reportedVersion } = await readDevice(fleet, 'd1');
    expect(JSON.parse(reportedJson)).toEqual(Object.assign({ keep: { a: 1 } }, ...patches));
    expect(reportedVersion).toBe(32);
  });

  test('merges into a report that another program wrote without a version', async () => {
    const field = dialect === 'node' ? 'reportedState' : 'reported_state';
    await fleet.redis.hset(fleet.keys.state('d1'), field, '{"a": 1}');
    await heartbeat(fleet, { id: 'd1', patch: { b: 2 as never } });
    expect(await readDevice(fleet, 'd1')).toMatchObject({
      reportedJson: '{"a":1,"b":2}',
      reportedVersion: 1,
    });
    await fleet.redis.hdel(fleet.keys.state('d1'), field);
    await heartbeat(fleet, { id: 'd1', patch: { c: 3 as never } });
    expect(await readDevice(fleet, 'd1')).toMatchObject({ reportedJson: '{"c":3}', reportedVersion: 2 });
  });
});

describe('heartbeats in bulk', () => {
  const ids = Array.from({ length: 450 }, (_, i) => `d${i}`);

  test('succeed or fail item by item, in the order given', async () => {
    const fleet = await openFleet(redis);
    const known = ids.filter((_, i) => i % 9 !== 0);
    await Promise.all(known.map((id) => register(fleet, id, 'lamp')));
    const results = await heartbeats(
      fleet,
      ids.map((id) => ({ id, reportedJson: `{"me":"${id}"}` })),
    );
    for (const [i, result] of results.entries()) {
      if (i % 9 === 0) expect(result).toMatchObject({ code: 'NOT_FOUND' });
      else expect(result).toMatchObject({ deviceId: `d${i}`, wasOffline: true });
    }
    expect(await fleet.redis.scard(fleet.keys.online)).toBe(known.length);
    expect(await logOf(fleet)).toHaveLength(known.length);
    expect(await readDevice(fleet, 'd449')).toMatchObject({ reportedJson: '{"me":"d449"}' });
  });

  test('fail for an invalid id only', async () => {
    const fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    const [bad, good] = await heartbeats(fleet, [{ id: 'a\nb' }, { id: 'd1' }]);
    expect(bad).toMatchObject({ code: 'USAGE' });
    expect(good).toMatchObject({ deviceId: 'd1' });
  });

  test('fail for a record of the wrong type only', async () => {
    const fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    await fleet.redis.set(fleet.keys.state('broken'), 'x');
    const [broken, good] = await heartbeats(fleet, [{ id: 'broken' }, { id: 'd1' }]);
    expect(broken).toBeInstanceOf(DevstateError);
    expect(broken).toMatchObject({
      code: 'BAD_RECORD',
      message: 'device:state:broken holds a string, not a hash',
    });
    expect(good).toMatchObject({ deviceId: 'd1' });
  });

  test('fail for a device whose history has the wrong type, and write nothing of it', async () => {
    const fleet = await openFleet(redis);
    const ids = ['d1', 'd2', 'd3', 'd4'];
    for (const id of ids) await register(fleet, id, 'lamp');
    await heartbeat(fleet, { id: 'd3' });
    await fleet.redis.set(fleet.keys.history('presence', 'd2'), 'x'); // d2 comes online, which writes its presence history
    await fleet.redis.set(fleet.keys.history('reported', 'd3'), 'x'); // d3 has a new report, which writes its reported history
    const keysOf = async (id: string) =>
      Object.entries(await snapshot(fleet.redis)).filter(([key]) => key.endsWith(`:${id}`));
    const before = [
      await keysOf('d2'),
      await keysOf('d3'),
      await scoreOf(fleet, 'd2'),
      await scoreOf(fleet, 'd3'),
    ];
    const results = await heartbeats(
      fleet,
      ids.map((id) => ({ id, reportedJson: '{"on":true}' })),
    );
    const wrongType = (key: string) => ({ code: 'BAD_RECORD', message: `${key} holds a string, not a list` });
    expect(results).toMatchObject([
      { deviceId: 'd1' },
      wrongType('device:history:presence:d2'),
      wrongType('device:history:reported:d3'),
      { deviceId: 'd4' },
    ]);
    expect([
      await keysOf('d2'),
      await keysOf('d3'),
      await scoreOf(fleet, 'd2'),
      await scoreOf(fleet, 'd3'),
    ]).toEqual(before);
    expect((await fleet.redis.smembers(fleet.keys.online)).sort()).toEqual(['d1', 'd3', 'd4']);
    expect(await logOf(fleet, 'd2')).toEqual([]);
  });

  test('of one device apply in order, and its history keeps the last 20', async () => {
    const fleet = await openFleet(redis);
    await register(fleet, 'd1', 'lamp');
    await heartbeats(
      fleet,
      Array.from({ length: 250 }, (_, i) => ({ id: 'd1', reportedJson: `{"n":${i + 1}}` })),
    );
    const entries = await entriesOf(fleet, 'reported', 'd1');
    expect(entries.map(({ version }) => version)).toEqual(Array.from({ length: 20 }, (_, i) => 231 + i));
    expect(entries.every(({ version, value }) => value?.n === version)).toBe(true);
  });
});

test('a heartbeat that changes only the time sends no history command', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  await heartbeat(fleet, { id: 'd1', reportedJson: '{"on":true}' });
  for (const kind of ['reported', 'presence'] as const) {
    await fleet.redis.set(fleet.keys.history(kind, 'd1'), 'x');
  }
  await heartbeat(fleet, { id: 'd1', reportedJson: '{"on":true}' });
  await fleet.redis.config('RESETSTAT');
  expect(await heartbeat(fleet, { id: 'd1' })).toMatchObject({ wasOffline: false });
  const stats = await fleet.redis.info('commandstats');
  const sent = [...stats.matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)].map(
    ([, name, calls]) => `${name} ${calls}`,
  );
  const needed = ['evalsha', 'time', 'scard', 'zcard', 'hmget', 'pexpireat', 'sadd', 'zadd', 'hset'];
  const withoutPulse = sent.filter((each) => each !== 'set 1'); // the pulse is written at most twice a second
  expect(withoutPulse.filter((each) => !each.startsWith('config')).sort()).toEqual(
    [...needed.map((name) => `${name} 1`), 'get 2'].sort(), // the pulse and the layout
  );
});

test('heartbeats of one device with and without a report in one call apply in order', async () => {
  const fleet = await openFleet(redis);
  for (const id of ['d1', 'd2']) await register(fleet, id, 'lamp');
  const report = '{"on":true}';
  const beatTwice = async () => {
    const results = await heartbeats(fleet, [
      { id: 'd1', ttl: 20_000 },
      { id: 'd1', ttl: 30_000, reportedJson: report },
      { id: 'd2', ttl: 20_000, reportedJson: report },
      { id: 'd2', ttl: 30_000 },
    ]);
    return results.map((result) => (result instanceof DevstateError ? result : result.wasOffline));
  };
  const haveLongTtl = () =>
    Promise.all(['d1', 'd2'].map(async (id) => (await fleet.redis.pttl(fleet.keys.heartbeat(id))) > 20_000));
  expect(await beatTwice()).toEqual([true, false, true, false]);
  expect(await haveLongTtl()).toEqual([true, true]);
  expect(await beatTwice()).toEqual([false, false, false, false]);
  expect(await haveLongTtl()).toEqual([true, true]);
});

test('a heartbeat keeps the dialect of a record in the other dialect', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  await fleet.redis.hset(fleet.keys.state('p1'), { device_id: 'p1', device_type: 'lamp', last_seen: '1' });
  for (const wasOffline of [true, false]) {
    expect(await heartbeats(fleet, [{ id: 'd1' }, { id: 'p1' }])).toMatchObject([
      { wasOffline },
      { wasOffline },
    ]);
  }
  expect(await fleet.redis.hmget(fleet.keys.state('p1'), 'lastSeen', 'status')).toEqual([null, 'online']);
  expect(Number(await fleet.redis.hget(fleet.keys.state('p1'), 'last_seen'))).toBeGreaterThan(1e9);
});

test('a heartbeat repairs status and online set after a late handler of another program', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  await heartbeat(fleet, { id: 'd1' });
  await fleet.redis.hset(fleet.keys.state('d1'), 'status', 'offline');
  await fleet.redis.srem(fleet.keys.online, 'd1');
  expect(await heartbeat(fleet, { id: 'd1' })).toMatchObject({ wasOffline: false });
  expect(await fleet.redis.hget(fleet.keys.state('d1'), 'status')).toBe('online');
  expect(await fleet.redis.smembers(fleet.keys.online)).toEqual(['d1']);
  expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat']);
});

test('the presence history keeps historyCap entries, and none when it is 0', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.hset(fleet.keys.meta, 'historyCap', '3');
  const without = await openFleet(redis, { namespace: 'none' });
  await without.redis.hset(without.keys.meta, 'historyCap', '0');
  for (const each of [fleet, without]) {
    await register(each, 'd1', 'lamp');
    for (let i = 0; i < 3; i++) {
      await heartbeat(each, { id: 'd1', reportedJson: `{"i":${i}}` });
      await disconnect(each, 'd1');
    }
    expect(await storyOf(each, 'd1')).toHaveLength(6);
  }
  const kept = await entriesOf(fleet, 'presence', 'd1');
  expect(kept).toMatchObject([
    { seq: 4, status: 'offline', reason: 'disconnect' },
    { seq: 5, status: 'online', reason: 'heartbeat' },
    { seq: 6, status: 'offline', reason: 'disconnect' },
  ]);
  expect(await without.redis.keys('none:device:history:*')).toEqual([]);
});

test('a history is deleted at the next change after historyCap became 0', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  await heartbeat(fleet, { id: 'd1', reportedJson: '{"n":1}' });
  await fleet.redis.hset(fleet.keys.meta, 'historyCap', '0');
  const without = await openFleet(redis);
  await heartbeat(without, { id: 'd1' });
  expect(await historyOf(fleet, 'reported', 'd1')).toHaveLength(1);
  await heartbeat(without, { id: 'd1', reportedJson: '{"n":2}' });
  expect(await historyOf(fleet, 'reported', 'd1')).toEqual([]);
  expect(await historyOf(fleet, 'presence', 'd1')).toHaveLength(1);
  await disconnect(without, 'd1');
  expect(await historyOf(fleet, 'presence', 'd1')).toEqual([]);
});

test.each(['shared', 'exclusive'] as const)(
  'a heartbeat in a fleet with %s writers trusts the online set only if exclusive',
  async (writers) => {
    const fleet = await openFleet(redis);
    await declareFleet(fleet, { writers });
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1' });
    expect(await fleet.redis.smembers(fleet.keys.online)).toEqual(['d1']);
    await fleet.redis.srem(fleet.keys.online, 'd1');
    await heartbeat(fleet, { id: 'd1' });
    expect(await fleet.redis.smembers(fleet.keys.online)).toEqual(writers === 'shared' ? ['d1'] : []);
    await disconnect(fleet, 'd1');
    await heartbeat(fleet, { id: 'd1' });
    expect(await fleet.redis.smembers(fleet.keys.online)).toEqual(['d1']);
  },
);
