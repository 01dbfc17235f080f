/** The article's programs and devstate share one Redis: each reads the records that the other wrote. */
import { beforeEach, describe, expect, test } from 'vitest';
import { parseJsonObject, toJson } from '../../../src/core/model/json.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { listDevices, onlineDevices } from '../../../src/core/query/list.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { staleDevices } from '../../../src/core/query/stale.js';
import { register } from '../../../src/core/registry/register.js';
import { delta } from '../../../src/core/shadow/delta.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { type ArticleProgram, articleProgram, articleReader } from '../../support/article.mjs';
import {
  allOf,
  cut,
  DIALECTS,
  idsOf,
  listen,
  openFeed,
  openFleet,
  type SingleFleet,
  serverNow,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const HOUR_MS = 3_600_000;

describe.each(DIALECTS)('beside the %s program', (dialect) => {
  let fleet: SingleFleet;
  let article: ArticleProgram;

  beforeEach(async () => {
    fleet = await openFleet(redis, { dialect });
    article = articleProgram(await redis.client(), dialect);
  });

  describe('a record of the program', () => {
    test('is read with all its fields', async () => {
      const before = await serverNow(fleet.redis);
      await article.register('a:b', 'lamp', { place: 'Köln' });
      await article.heartbeat('a:b', { on: false, level: 2.5 });
      await article.setDesired('a:b', { on: true, level: 2.5 });
      const device = await readDevice(fleet, 'a:b');
      expect(device).toMatchObject({ deviceId: 'a:b', deviceType: 'lamp', status: 'online', presenceSeq: 0 });
      expect(
        [device.metadataJson, device.reportedJson, device.desiredJson].map((text) => JSON.parse(text)),
      ).toEqual([{ place: 'Köln' }, { on: false, level: 2.5 }, { on: true, level: 2.5 }]);
      for (const at of [device.registeredAt, device.lastSeen]) {
        expect(at).toBeGreaterThanOrEqual(before - 1);
        expect(at).toBeLessThanOrEqual((await serverNow(fleet.redis)) + 1);
      }
      expect((device.expiresAt ?? 0) - (device.lastSeen ?? 0)).toBeGreaterThan(55_000);
      const { inSync, patch } = await delta(fleet, 'a:b');
      expect([inSync, toJson(patch)]).toEqual([false, '{"on":true}']);
    });

    test('is in lists and stale queries', async () => {
      const old = articleProgram(await redis.client(), dialect, { now: () => Date.now() - 2 * HOUR_MS });
      for (const id of ['up', 'down', 'never']) await old.register(id, id === 'up' ? 'lamp' : 'plug');
      await old.heartbeat('down');
      await article.heartbeat('up');
      await cut(fleet, 'down');
      expect(await idsOf(onlineDevices(fleet))).toEqual(['up']);
      expect(await idsOf(listDevices(fleet))).toEqual(['down', 'never', 'up']);
      expect(await idsOf(listDevices(fleet, { status: 'offline' }))).toEqual(['down', 'never']);
      expect(await idsOf(listDevices(fleet, { status: 'never' }))).toEqual(['never']);
      expect(await idsOf(listDevices(fleet, { type: 'plug', status: 'offline' }))).toEqual(['down', 'never']);
      const stale = await allOf(staleDevices(fleet));
      expect(stale.map(({ deviceId }) => deviceId).sort()).toEqual(['down', 'never']);
      for (const { ageSeconds } of stale) expect(ageSeconds).toBeGreaterThanOrEqual(7199);
      expect(await allOf(staleDevices(fleet, { never: false }))).toMatchObject([{ deviceId: 'down' }]);
      expect(await allOf(staleDevices(fleet, { olderThan: 3 * HOUR_MS, never: false }))).toEqual([]);
    });

    test('keeps its fields when devstate changes it', async () => {
      await article.register('d1', 'lamp', { place: 'hall' });
      await article.heartbeat('d1', { on: false });
      await article.setDesired('d1', { on: true });
      await setDesired(fleet, 'd1', { level: parseJsonObject('{"n":3}').n ?? null });
      expect(await heartbeat(fleet, { id: 'd1', patch: { on: true } })).toMatchObject({
        wasOffline: false,
      });
      expect(await article.get('d1')).toMatchObject({
        status: 'online',
        metadata: { place: 'hall' },
        reportedState: { on: true },
        desiredState: { on: true, level: 3 },
      });
    });

    test('has its events in the live feed, with the type in the record', async () => {
      const feed = await openFeed(fleet);
      await article.register('a:b', 'lamp');
      await article.heartbeat('a:b');
      await feed.first(1);
      await cut(fleet, 'a:b');
      await article.pollDetector();
      const events = await feed.first(2);
      expect(events).toMatchObject([
        { id: null, deviceId: 'a:b', deviceType: 'lamp', status: 'online', seq: null, reason: null },
        { id: null, deviceId: 'a:b', deviceType: 'lamp', status: 'offline', seq: null, reason: null },
      ]);
      for (const { timestamp } of events) expect(Math.abs(timestamp - Date.now())).toBeLessThan(HOUR_MS);
      await feed.stop();
    });
  });

  describe('a record of devstate', () => {
    test('is read by the program with the values that devstate wrote', async () => {
      const reader = articleReader(fleet.redis, dialect);
      const { registeredAt } = await register(fleet, 'a:b', 'lamp', { metadataJson: '{"place":"Köln"}' });
      const unit = dialect === 'node' ? 1 : 1000;
      const fresh = { deviceId: 'a:b', status: 'offline', lastSeen: 0, metadata: { place: 'Köln' } };
      expect(await reader.device('a:b')).toEqual({ ...fresh, reportedState: {}, desiredState: {} });
      const { lastSeen } = await heartbeat(fleet, { id: 'a:b', reportedJson: '{"on":false}' });
      await setDesired(fleet, 'a:b', { on: true });
      const alive = { ...fresh, status: 'online', lastSeen: lastSeen / unit };
      expect(await reader.device('a:b')).toEqual({
        ...alive,
        reportedState: { on: false },
        desiredState: { on: true },
      });
      const registered = dialect === 'node' ? 'registeredAt' : 'registered_at';
      expect(Number(await fleet.redis.hget('device:state:a:b', registered)) * unit).toBeCloseTo(
        registeredAt,
        2,
      );
      expect(await article.online()).toEqual(['a:b']);
      expect(await article.byType('lamp')).toEqual(['a:b']);
      expect(await article.delta('a:b')).toMatchObject({
        inSync: false,
        delta: { on: { desired: true, reported: false } },
      });
      await disconnect(fleet, 'a:b');
      expect(await article.offline()).toEqual(['a:b']);
      expect(await reader.device('a:b')).toMatchObject({ status: 'offline', lastSeen: lastSeen / unit });
      expect(await article.stale(-1)).toMatchObject([{ deviceId: 'a:b', lastSeen: lastSeen / unit }]);
    });

    test('has the fields of the program, and the field devstate', async () => {
      await article.register('theirs', 'lamp');
      await register(fleet, 'ours', 'lamp', { ttl: 30_000 });
      const fields = async (id: string) => (await fleet.redis.hkeys(`device:state:${id}`)).sort();
      expect(await fields('ours')).toEqual([...(await fields('theirs')), 'devstate'].sort());
    });

    test('is announced with the field names and the time unit of the program', async () => {
      const reader = articleReader(fleet.redis, dialect);
      const unit = dialect === 'node' ? 1 : 1000;
      await register(fleet, 'a:b', 'lamp');
      const { heard, settled } = await listen(redis);
      const { lastSeen } = await heartbeat(fleet, { id: 'a:b' });
      await setDesired(fleet, 'a:b', { on: true });
      await settled();
      const [presence, update] = heard.map(([, message]) => reader.message(message));
      expect(presence).toMatchObject({
        type: 'presence',
        deviceId: 'a:b',
        status: 'online',
        timestamp: lastSeen / unit,
      });
      expect(update).toMatchObject({ type: 'state_update', desiredState: { on: true } });
      expect(Math.abs(Number(update?.timestamp) * unit - lastSeen)).toBeLessThan(HOUR_MS);
    });

    test('is found by the program’s detector, when its heartbeat key has expired', async () => {
      await register(fleet, 'a:b', 'lamp');
      await heartbeat(fleet, { id: 'a:b' });
      expect(await article.pollDetector()).toEqual([]);
      await cut(fleet, 'a:b');
      expect(await article.pollDetector()).toEqual(['a:b']);
      expect(await article.get('a:b')).toMatchObject({ status: 'offline' });
    });
  });

  test('lists are exact, when the program left sets and records that disagree', async () => {
    await register(fleet, 'ours', 'lamp');
    await heartbeat(fleet, { id: 'ours' });
    await register(fleet, 'moved', 'lamp');
    await article.register('moved', 'plug'); // the article leaves it in the set of its old type
    await article.heartbeat('missing');
    await article.register('missing', 'lamp');
    await fleet.redis.srem('devices:online', 'missing'); // has a heartbeat key, but a late handler removed it from devices:online
    await article.register('dead', 'lamp');
    await article.heartbeat('dead');
    await cut(fleet, 'dead'); // in devices:online without a heartbeat key
    await article.heartbeat('early'); // a record without an id field
    await fleet.redis.sadd('devices:registered', 'early', 'ghost');
    const problems: string[] = [];
    const onProblem = ({ id }: { id: string }) => problems.push(id);
    expect(await idsOf(listDevices(fleet, { onProblem }))).toEqual(['dead', 'missing', 'moved', 'ours']);
    expect(problems.sort()).toEqual(['early', 'ghost']);
    expect(await idsOf(listDevices(fleet, { type: 'lamp' }))).toEqual(['dead', 'missing', 'ours']);
    expect(await idsOf(listDevices(fleet, { type: 'plug' }))).toEqual(['moved']);
    expect(await idsOf(listDevices(fleet, { status: 'online' }))).toEqual(['missing', 'ours']);
    expect(await idsOf(listDevices(fleet, { status: 'offline' }))).toEqual(['dead', 'moved']);
    expect((await idsOf(onlineDevices(fleet))).filter((id) => id !== 'missing')).toEqual(['ours']);
    const stale = await allOf(staleDevices(fleet, { olderThan: 0 }));
    const ids = stale.map(({ deviceId }) => deviceId);
    expect(ids.sort()).toEqual(['dead', 'missing', 'moved', 'ours']);
  });
});

test('an undeclared fleet is written in the dialect of its records, and both dialects are read', async () => {
  await articleProgram(await redis.client(), 'python').register('theirs', 'lamp', { a: 1 });
  const fleet = await openFleet(redis);
  await register(fleet, 'ours', 'lamp');
  expect(await fleet.redis.hget('device:state:ours', 'device_id')).toBe('ours');
  await articleProgram(await redis.client(), 'node').register('third', 'lamp');
  await heartbeat(fleet, { id: 'third' });
  expect(await fleet.redis.hget('device:state:third', 'lastSeen')).toMatch(/^\d{13}$/);
  expect(await idsOf(listDevices(fleet))).toEqual(['ours', 'theirs', 'third']);
});

test('lists of 1,200 devices contain each device once', async () => {
  const fleet = await openFleet(redis);
  const article = articleProgram(await redis.client(), 'node');
  const ids = Array.from({ length: 1200 }, (_, i) => `d${i}`).sort();
  await Promise.all(ids.map((id) => article.register(id, 'lamp')));
  await Promise.all(ids.map((id) => article.heartbeat(id)));
  expect(await idsOf(listDevices(fleet))).toEqual(ids);
  expect(await idsOf(onlineDevices(fleet))).toEqual(ids);
  expect(await idsOf(onlineDevices(fleet, { type: 'plug' }))).toEqual([]);
});
