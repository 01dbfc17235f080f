/**
 * A client of ioredis that the caller made: it keeps its options, and its connection is neither dropped nor closed by
 * devstate, whatever happens. Calls end in their time all the same.
 */
import { Redis, type RedisOptions } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DeviceStateManager, OfflineDetector } from '../../../src/index.js';
import { type FaultProxy, useFaultProxy } from '../../support/faults/fault-proxy.js';
import { loseAnswer } from '../../support/faults/lose-answer.js';
import { failure, until } from '../../support/fleet.js';
import { briefly, useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
const requestTimeout = 300;
/** The request timeout, and what a busy machine may add, ms. */
const MAX_MS = requestTimeout + 1000;

/** Connects a client through a proxy, with ioredis' own options unless others are given. */
async function callersClient(options: RedisOptions = {}): Promise<{ client: Redis; proxy: FaultProxy }> {
  const proxy = await useFaultProxy(redis.url);
  const client = new Redis(proxy.url, { ...options, lazyConnect: true });
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  await client.connect();
  return { client, proxy };
}

/** Makes calls of every kind, which must fail in their time. */
async function expectFailures(manager: DeviceStateManager): Promise<void> {
  const startedAt = performance.now();
  const calls = [
    manager.getDeviceState('d1'),
    manager.deviceHeartbeat('d1'),
    manager.deviceHeartbeat('d2', { n: 1 }),
    manager.setDesiredState('d1', { n: 1 }),
    manager.getOnlineDevices(),
  ];
  for (const error of await Promise.all(calls.map(failure))) expect(error.code).toBe('CONNECTION');
  expect(performance.now() - startedAt).toBeLessThan(MAX_MS);
}

test('is left open, as it was made, when managers and detectors end', async () => {
  const { client } = await callersClient();
  const { options, stream } = client;
  const optionsBefore = { ...options };
  const [manager, other] = [new DeviceStateManager(client), new DeviceStateManager(client)];
  const detector = new OfflineDetector(client);
  await manager.registerDevice('d1', 'lamp');
  await detector.start();
  await Promise.all([manager.close(), detector.stop()]);
  expect(await client.ping()).toBe('PONG');
  expect(await other.deviceHeartbeat('d1')).toMatchObject({ status: 'online' });
  await other.close();
  expect(await client.ping()).toBe('PONG');
  expect(client.stream).toBe(stream);
  expect(client.options).toBe(options);
  expect(options).toEqual(optionsBefore);
});

describe('calls end in their time, and the connection is kept', () => {
  test('while the network swallows everything; they work again when it does not', async () => {
    const { client, proxy } = await callersClient();
    const manager = new DeviceStateManager(client, { requestTimeout });
    await manager.registerDevice('d1', 'lamp');
    const { stream } = client;
    proxy.set({ swallow: true });
    for (let i = 0; i < 3; i++) await expectFailures(manager);
    expect(client.stream).toBe(stream);
    proxy.set({ swallow: false });
    await until(() => manager.getDeviceState('d1').then(Boolean, () => false));
    expect(client.stream).toBe(stream);
    expect(await manager.getDeviceState('d1')).toMatchObject({ status: 'offline', desiredState: {} });
  });

  test('on a server that has become a replica', async () => {
    const { client } = await callersClient();
    const manager = new DeviceStateManager(client, { requestTimeout });
    await manager.registerDevice('d1', 'lamp');
    const { stream } = client;
    onTestFinished(async () => void (await briefly(redis.url, (admin) => admin.replicaof('NO', 'ONE'))));
    await briefly(redis.url, (admin) => admin.replicaof('127.0.0.1', 1));
    for (let i = 0; i < 3; i++)
      expect((await failure(manager.deviceHeartbeat('d1'))).code).toBe('CONNECTION');
    expect(client.stream).toBe(stream);
    await briefly(redis.url, (admin) => admin.replicaof('NO', 'ONE'));
    expect(await manager.deviceHeartbeat('d1')).toMatchObject({ status: 'online' });
  });
});

test.each<[what: string, options: RedisOptions]>([
  ['the options of ioredis', {}],
  ['no limit of retries', { maxRetriesPerRequest: null }],
  ['no offline queue', { enableOfflineQueue: false }],
])('calls end in their time while the server is away, with %s', async (_what, options) => {
  const { client, proxy } = await callersClient(options);
  const manager = new DeviceStateManager(client, { requestTimeout });
  await manager.registerDevice('d1', 'lamp');
  proxy.refuse();
  proxy.reset();
  for (let i = 0; i < 3; i++) await expectFailures(manager);
  await proxy.accept();
  await until(() => manager.getDeviceState('d1').then(Boolean, () => false));
  expect(await manager.getDeviceState('d1')).toMatchObject({ status: 'offline', desiredState: {} });
});

test('subscriptions have connections of their own, which are replaced when they fall silent', async () => {
  const { client, proxy } = await callersClient();
  const { stream } = client;
  const flows = new Set(proxy.open);
  const manager = new DeviceStateManager(client, { requestTimeout });
  onTestFinished(() => manager.close());
  const told: string[] = [];
  const seen: string[] = [];
  await new Promise<void>((onReady, reject) => {
    const callbacks = { onReady, onLost: () => told.push('lost'), onResumed: () => told.push('resumed') };
    (async () => {
      for await (const { deviceId } of manager.presence(callbacks)) seen.push(deviceId);
    })().catch(reject);
  });
  for (const flow of proxy.open) if (!flows.has(flow)) flow.blackHole();
  await until(() => told.join() === 'lost,resumed');
  await client.publish(
    'devices:presence',
    JSON.stringify({ type: 'presence', deviceId: 'd1', status: 'online', timestamp: 1 }),
  );
  await until(() => seen.includes('d1'));
  expect(client.stream).toBe(stream);
});

test('a write whose answer was lost is not sent again by the client, and is told as unknown', async () => {
  const { client, proxy } = await callersClient();
  const manager = new DeviceStateManager(client, { requestTimeout: 1000 });
  await manager.registerDevice('again', 'lamp');
  await manager.setDesiredState('again', { a: 1 });
  loseAnswer(proxy, 'x-first', 'reset');
  const desired = await failure(manager.setDesiredState('again', { 'x-first': 1 }, { ifVersion: 1 }));
  expect(desired).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
  loseAnswer(proxy, 'x-device', 'reset');
  const registered = await failure(
    manager.registerDevice('x-device', 'lamp', undefined, { onlyIfNew: true }),
  );
  expect(registered).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
  expect(await manager.getDeviceState('again')).toMatchObject({ desiredVersion: 2 });
});
