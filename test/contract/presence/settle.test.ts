/** settle: compares a device's heartbeat key with what was announced, and announces each transition once. */
import { beforeEach, describe, expect, test } from 'vitest';
import { sweep } from '../../../src/core/detection/sweep.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { articleProgram } from '../../support/article.mjs';
import {
  cut,
  DIALECTS,
  expired,
  logOf,
  openFleet,
  type SingleFleet,
  scoreOf,
  serverNow,
  snapshot,
  storyOf,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

describe.each(DIALECTS)('settle in a %s fleet', (dialect) => {
  let fleet: SingleFleet;
  const verdictOf = async (id: string) => (await settle(fleet.only, [id])).verdicts[0];
  const article = () => articleProgram(fleet.redis, dialect);
  const onlineIds = async () => (await fleet.redis.smembers(fleet.keys.online)).sort();

  beforeEach(async () => {
    fleet = await openFleet(redis, { dialect });
  });

  test('writes nothing for an online device that was announced online', async () => {
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1' });
    const before = await snapshot(fleet.redis);
    expect(await verdictOf('d1')).toBe('online');
    expect(await snapshot(fleet.redis)).toEqual(before);
  });

  test('announces an expired device offline at its deadline, and updates sets and index', async () => {
    await register(fleet, 'd1', 'lamp');
    const { lastSeen, expiresAt } = await heartbeat(fleet, { id: 'd1', ttl: 20 });
    await expired(fleet, 'd1');
    expect(await verdictOf('d1')).toBe('offline');
    expect(await logOf(fleet, 'd1')).toMatchObject([
      { seq: 1, status: 'online' },
      { seq: 2, status: 'offline', reason: 'timeout', timestamp: expiresAt, previousAt: lastSeen },
    ]);
    expect([await onlineIds(), await scoreOf(fleet, 'd1')]).toEqual([[], -lastSeen]);
    expect(await fleet.redis.hget(fleet.keys.state('d1'), 'status')).toBe('offline');
    expect(await readDevice(fleet, 'd1')).toMatchObject({ presenceSeq: 2, presenceAt: expiresAt });
  });

  test('announces a heartbeat of another program as observed, with the deadline of its key', async () => {
    await article().register('d1', 'lamp');
    await article().heartbeat('d1');
    await fleet.redis.srem(fleet.keys.online, 'd1');
    expect(await verdictOf('d1')).toBe('online');
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online observed']);
    expect(await onlineIds()).toEqual(['d1']);
    const deadline = Number(await fleet.redis.call('PEXPIRETIME', fleet.keys.heartbeat('d1')));
    expect(Math.abs(((await scoreOf(fleet, 'd1')) ?? 0) - deadline)).toBeLessThanOrEqual(50);
  });

  test('gives a device whose key has no TTL the largest deadline', async () => {
    await article().register('d1', 'lamp');
    await fleet.redis.set(fleet.keys.heartbeat('d1'), '1');
    expect(await verdictOf('d1')).toBe('online');
    expect(await scoreOf(fleet, 'd1')).toBe(Number.MAX_SAFE_INTEGER);
    await cut(fleet, 'd1');
    expect(await verdictOf('d1')).toBe('offline');
    const [, offline] = await logOf(fleet, 'd1');
    expect(offline?.timestamp).toBeLessThanOrEqual(await serverNow(fleet.redis));
  });

  test('reports bypassed false after operations of devstate', async () => {
    const bypassed = async (id: string) => (await settle(fleet.only, [id])).bypassed;
    await register(fleet, 'd1', 'lamp');
    expect(await bypassed('d1')).toBe(false);
    for (const beat of [{}, { ttl: 300_000 }, { reportedJson: '{"a":1}' }, { ttl: 20 }]) {
      await heartbeat(fleet, { id: 'd1', ...beat });
      expect(await bypassed('d1')).toBe(false);
    }
    await expired(fleet, 'd1');
    for (let round = 0; round < 2; round++) expect(await bypassed('d1')).toBe(false); // the first round announces it
    await register(fleet, 'd1', 'plug');
    expect(await bypassed('d1')).toBe(false);
    await heartbeat(fleet, { id: 'd1' });
    await disconnect(fleet, 'd1');
    expect(await bypassed('d1')).toBe(false);
    await unregister(fleet, 'd1');
    expect(await bypassed('d1')).toBe(false);
  });

  test('reports bypassed false for a heartbeat whose script started a second ago', async () => {
    await register(fleet, 'd1', 'lamp');
    const early = await openFleet(redis, { dialect, clock: () => Date.now() - 1000 });
    await heartbeat(early, { id: 'd1' });
    expect((await settle(fleet.only, ['d1'])).bypassed).toBe(false);
  });

  test.each<[string, (id: string) => Promise<unknown>]>([
    ['registered it', (id) => article().register(id, 'lamp')],
    ['sent a heartbeat', (id) => article().heartbeat(id)],
    ['extended the TTL', (id) => fleet.redis.pexpire(fleet.keys.heartbeat(id), 900_000)],
    ['deleted the heartbeat key', (id) => cut(fleet, id)],
    ['deleted the record', (id) => fleet.redis.del(fleet.keys.state(id))],
    ['deleted the field devstate', (id) => fleet.redis.hdel(fleet.keys.state(id), 'devstate')],
    [
      'wrote a newer lastSeen, and its key expired',
      async (id) => {
        await articleProgram(fleet.redis, dialect, { now: () => Date.now() + 1000 }).heartbeat(id);
        await cut(fleet, id);
      },
    ],
  ])('reports bypassed once, when another program %s', async (what, act) => {
    for (const id of ['online', 'offline']) {
      await register(fleet, id, 'lamp');
      await heartbeat(fleet, { id, ttl: 300_000 });
    }
    await disconnect(fleet, 'offline');
    const id =
      {
        'registered it': 'new',
        'sent a heartbeat': 'offline',
        'wrote a newer lastSeen, and its key expired': 'offline',
      }[what] ?? 'online';
    await act(id);
    expect((await settle(fleet.only, ['online', 'offline', id])).bypassed).toBe(true);
    expect((await settle(fleet.only, ['online', 'offline', id])).bypassed).toBe(false);
  });

  test('announces nothing, when another program’s heartbeat came and expired between two settles', async () => {
    await article().register('d1', 'lamp');
    await article().heartbeat('d1');
    await cut(fleet, 'd1');
    expect(await verdictOf('d1')).toBe('offline');
    expect(await logOf(fleet)).toEqual([]);
    expect([await onlineIds(), await fleet.redis.hget(fleet.keys.state('d1'), 'status')]).toEqual([
      [],
      'offline',
    ]);
  });

  test('adds a never seen device of another program to the index', async () => {
    await article().register('d1', 'lamp');
    expect(await verdictOf('d1')).toBe('offline');
    expect(await scoreOf(fleet, 'd1')).toBe(0);
    expect(await logOf(fleet)).toEqual([]);
  });

  test('repairs an online device that another detector marked offline too late, without an event', async () => {
    await register(fleet, 'd1', 'lamp');
    await heartbeat(fleet, { id: 'd1' });
    await article().keyspaceDetector(fleet.keys.heartbeat('d1'));
    expect(await onlineIds()).toEqual([]);
    expect(await verdictOf('d1')).toBe('online');
    expect([await onlineIds(), await fleet.redis.hget(fleet.keys.state('d1'), 'status')]).toEqual([
      ['d1'],
      'online',
    ]);
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat']);
  });

  test('removes an id without a record from the index, and from the online set once its key is gone, without an event', async () => {
    await article().heartbeat('early');
    await fleet.redis.zadd(fleet.keys.activity, '5', 'early', '5', 'gone');
    await fleet.redis.sadd(fleet.keys.online, 'gone');
    expect((await settle(fleet.only, ['early', 'gone', 'nobody'])).verdicts).toEqual([
      'stray',
      'stray',
      'stray',
    ]);
    expect([await onlineIds(), await fleet.redis.zcard(fleet.keys.activity)]).toEqual([['early'], 0]);
    expect(await logOf(fleet)).toEqual([]);
  });

  test('gives an error for a record of the wrong type, and settles the others', async () => {
    for (const id of ['d1', 'd3']) await register(fleet, id, 'lamp');
    await heartbeats(fleet, [{ id: 'd1' }, { id: 'd3' }]);
    await cut(fleet, 'd1', 'd3');
    await fleet.redis.set(fleet.keys.state('d2'), 'x');
    const { verdicts } = await settle(fleet.only, ['d1', 'd2', 'd3']);
    const broken = { code: 'BAD_RECORD', message: 'device:state:d2 holds a string, not a hash' };
    expect(verdicts).toMatchObject(['offline', broken, 'offline']);
    expect(await logOf(fleet)).toHaveLength(4);
  });

  test('gives an error for a history of the wrong type, and removes that device from the index', async () => {
    for (const id of ['d1', 'd2', 'd3']) await register(fleet, id, 'lamp');
    await heartbeats(
      fleet,
      ['d1', 'd2', 'd3'].map((id) => ({ id, ttl: 20 })),
    );
    for (const id of ['d1', 'd2', 'd3']) await expired(fleet, id);
    await fleet.redis.set(fleet.keys.history('presence', 'd2'), 'x');
    const record = await fleet.redis.hgetall(fleet.keys.state('d2'));
    for (const expected of [['d1', 'd3'], []]) {
      const announced: string[] = [];
      const notices: string[] = [];
      const onNotice = (message: string) => void notices.push(message);
      for await (const { deviceId } of sweep(fleet, { onNotice })) announced.push(deviceId);
      expect(announced.sort()).toEqual(expected);
      const broken = 'device:history:presence:d2 holds a string, not a list';
      expect(notices).toEqual(expected.length > 0 ? [broken] : []);
    }
    expect(await fleet.redis.hgetall(fleet.keys.state('d2'))).toEqual(record);
    expect([await scoreOf(fleet, 'd2'), await logOf(fleet, 'd2')]).toEqual([null, [expect.anything()]]);
    await fleet.redis.del(fleet.keys.history('presence', 'd2'));
    expect(await verdictOf('d2')).toBe('offline');
  });

  test('announces each transition once, when five connections settle at once and again', async () => {
    const ids = Array.from({ length: 300 }, (_, i) => `d${i}`);
    const others = await Promise.all([1, 2, 3, 4, 5].map(() => openFleet(redis, { dialect })));
    await Promise.all(ids.map((id) => register(fleet, id, 'lamp')));
    await heartbeats(
      fleet,
      ids.slice(0, 200).map((id) => ({ id })),
    );
    await cut(fleet, ...ids.slice(0, 100));
    for (const id of ids.slice(200)) await fleet.redis.set(fleet.keys.heartbeat(id), '1', 'EX', 60);
    const all = await Promise.all(others.map((other) => settle(other.only, ids)));
    await settle(fleet.only, ids);
    const expected = ids.map((_, i) => (i < 100 ? 'offline' : 'online'));
    for (const { verdicts } of all) expect(verdicts).toEqual(expected);
    const stories = await Promise.all(['d0', 'd150', 'd250'].map((id) => storyOf(fleet, id)));
    expect(stories).toEqual([
      ['1 online heartbeat', '2 offline timeout'],
      ['1 online heartbeat'],
      ['1 online observed'],
    ]);
    expect(await logOf(fleet)).toHaveLength(400);
  });
});
