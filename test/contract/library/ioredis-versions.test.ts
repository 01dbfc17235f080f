/**
 * Clients of other versions of ioredis: those from 5.3 on fit the types and work; a client of ioredis 6, or of another
 * library, is refused with one error. That this file compiles is a test of the types.
 */
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { Cluster as Cluster53, Redis as Redis53, type RedisOptions as RedisOptions53 } from 'ioredis-5.3';
import { Cluster as Cluster58, Redis as Redis58, type RedisOptions as RedisOptions58 } from 'ioredis-5.8';
import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis-6';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DeviceStateManager, OfflineDetector, type RedisClient } from '../../../src/index.js';
import { until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const LAZY = { lazyConnect: true };
const UNREACHABLE = [{ host: '127.0.0.1', port: 1 }];
const URL_OF_NONE = 'redis://127.0.0.1:1';

/** Uses the constructors with a client of one version, by the types of that version. */
const CLIENTS: Record<string, (url: string) => RedisClient> = {
  '5.3': (url): Redis53 => new Redis53(url, LAZY),
  '5.8': (url): Redis58 => new Redis58(url, LAZY),
  'the own version': (url): Redis => new Redis(url, LAZY),
};
const CLUSTERS: Record<string, () => RedisClient> = {
  '5.3': (): Cluster53 => new Cluster53(UNREACHABLE, LAZY),
  '5.8': (): Cluster58 => new Cluster58(UNREACHABLE, LAZY),
  'the own version': (): Cluster => new Cluster(UNREACHABLE, LAZY),
};

describe.each(Object.entries(CLIENTS))('a client of ioredis %s', (_version, connect) => {
  test('works, and is left open by a detector', async () => {
    const client = connect(redis.url);
    onTestFinished(() => client.disconnect());
    const manager = new DeviceStateManager(client);
    await manager.registerDevices([
      { deviceId: 'd1', deviceType: 'lamp' },
      { deviceId: 'd2', deviceType: 'lamp' },
    ]);
    const detector = new OfflineDetector(client);
    const offline: string[] = [];
    detector.on('offline', ({ deviceId }) => offline.push(deviceId));
    await detector.start();
    expect(await manager.deviceHeartbeat('d1', { on: true }, { ttl: 20 })).toMatchObject({ deviceId: 'd1' });
    await manager.setDesiredState('d1', { on: false });
    expect(await manager.getDeviceState('d1')).toMatchObject({
      reportedState: { on: true },
      desiredState: { on: false },
    });
    await until(() => offline.includes('d1'));
    await detector.stop();
    expect(await manager.getOfflineDevices()).toEqual(expect.arrayContaining(['d1', 'd2']));
  });
});

test.each(Object.entries(CLUSTERS))('a cluster client of ioredis %s is taken', (_version, connect) => {
  expect(() => new DeviceStateManager(connect())).not.toThrow();
  expect(() => new OfflineDetector(connect())).not.toThrow();
});

test('options typed by another version are taken', async () => {
  const { port } = new URL(`${URL_OF_NONE}`);
  const options: [RedisOptions53, RedisOptions58, RedisOptions] = [
    { ...LAZY, port: Number(port) },
    { ...LAZY, port: Number(port) },
    { ...LAZY, port: Number(port) },
  ];
  for (const each of options) await new DeviceStateManager(each).close();
});

test.each<[name: string, connect: () => unknown]>([
  ['a client of ioredis 6', () => new Redis6(URL_OF_NONE, LAZY)],
  ['a cluster client of ioredis 6', () => new Cluster6(UNREACHABLE, LAZY)],
  ['a client of another library', () => ({ duplicate() {}, options: {}, sendCommand() {} })],
])('%s is refused with one error', (_name, connect) => {
  const client = connect() as RedisClient;
  const message = 'the client must be one of ioredis 5, from 5.3 on';
  for (const construct of [() => new DeviceStateManager(client), () => new OfflineDetector(client)]) {
    expect(construct).toThrow(expect.objectContaining({ code: 'USAGE', message }));
  }
});

test.each<[what: string, connect: () => RedisClient, message: string]>([
  ['reads from all', () => new Cluster(UNREACHABLE, { ...LAZY, scaleReads: 'all' }), 'scaleReads'],
  ['reads from replicas', () => new Cluster(UNREACHABLE, { ...LAZY, scaleReads: 'slave' }), 'scaleReads'],
  [
    'reads from a chosen node',
    () => new Cluster(UNREACHABLE, { ...LAZY, scaleReads: (nodes: Redis[]) => nodes[0] as Redis } as object),
    'scaleReads',
  ],
  ['has texts for numbers', () => new Redis(URL_OF_NONE, { ...LAZY, stringNumbers: true }), 'stringNumbers'],
  [
    'has texts for numbers in a cluster',
    () => new Cluster(UNREACHABLE, { ...LAZY, redisOptions: { stringNumbers: true } }),
    'stringNumbers',
  ],
])('a client that %s is refused', (_what, connect, message) => {
  expect(() => new DeviceStateManager(connect())).toThrow(
    expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) }),
  );
});

test('the own client has numbers for numbers', async () => {
  const manager = new DeviceStateManager({ path: redis.url.replace('unix://', ''), stringNumbers: true });
  onTestFinished(() => manager.close());
  await manager.registerDevice('numbers', 'lamp');
  expect(await manager.deviceHeartbeat('numbers')).toMatchObject({ wasOffline: true });
});
