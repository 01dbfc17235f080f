/** DeviceStateManager: the article's Node class, with further methods and options. */
import { describe, expect, test } from 'vitest';
import { DeviceStateManager, DevstateError, type PresenceEvent } from '../../../src/index.js';
import { failure, failures, logOf, ODD_NUMBERS, openFleet, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
const connectionOptions = () => ({ host: 'localhost', port: Number(new URL(redis.url).port) });
const NUMBERS = { big: 12345678901234567890n, money: 0.1 };

async function withManager(use: (manager: DeviceStateManager) => Promise<void>): Promise<void> {
  const manager = new DeviceStateManager(connectionOptions());
  try {
    await use(manager);
  } finally {
    await manager.close();
  }
}

test('runs the article’s usage block with only the import changed', () =>
  withManager(async (stateManager) => {
    const printed: string[] = [];
    const console = { log: (line: unknown) => printed.push(String(line)) };

    // Register device
    const registered = await stateManager.registerDevice('sensor-001', 'temperature_sensor', {
      location: 'warehouse-a',
    });

    // Device heartbeat
    const beat = await stateManager.deviceHeartbeat('sensor-001', {
      temperature: 23.5,
      humidity: 45,
    });

    // Get state
    const state = await stateManager.getDeviceState('sensor-001');

    // Set desired state
    const desired = await stateManager.setDesiredState('sensor-001', {
      reportingInterval: 30,
    });

    // Subscribe to presence
    const unsubscribe = stateManager.subscribeToPresence((event) => {
      console.log(`Device ${event.deviceId} is now ${event.status}`);
    });

    expect(registered).toBeTruthy();
    expect(beat).toMatchObject({ deviceId: 'sensor-001', status: 'online', wasOffline: true });
    expect(state).toMatchObject({
      deviceId: 'sensor-001',
      status: 'online',
      reportedState: { temperature: 23.5, humidity: 45 },
      desiredState: {},
      lastSeen: beat.lastSeen,
      metadata: { location: 'warehouse-a' },
    });
    expect(desired).toMatchObject({ deviceId: 'sensor-001', desiredState: { reportingInterval: 30 } });
    expect(await stateManager.getStateDelta('sensor-001')).toMatchObject({
      deviceId: 'sensor-001',
      inSync: false,
      delta: { reportingInterval: { desired: 30, reported: null } },
    });
    const watcher = await openFleet(redis);
    await until(async () => ((await watcher.redis.pubsub('NUMSUB', 'devices:presence'))[1] as number) > 0);
    await until(async () => {
      await stateManager.disconnectDevice('sensor-001');
      await stateManager.deviceHeartbeat('sensor-001');
      return printed.includes('Device sensor-001 is now online');
    });
    unsubscribe();
  }));

describe('DeviceStateManager', () => {
  test('lists online and offline devices', () =>
    withManager(async (manager) => {
      for (const id of ['a:b', 'c', 'd']) await manager.registerDevice(id, 'lamp');
      const [known, unknown] = await manager.deviceHeartbeats([
        { deviceId: 'a:b', reportedState: { on: true }, ttl: 5000 },
        { deviceId: 'nobody' },
      ]);
      expect(known).toMatchObject({ deviceId: 'a:b' });
      expect(unknown).toBeInstanceOf(DevstateError);
      expect(await manager.getOnlineDevices()).toEqual(['a:b']);
      expect((await manager.getOfflineDevices()).sort()).toEqual(['c', 'd']);
      expect(await manager.disconnectDevice('a:b')).toBe(true);
      await manager.unregisterDevice('c');
      expect([await manager.getOnlineDevices(), (await manager.getOfflineDevices()).sort()]).toEqual([
        [],
        ['a:b', 'd'],
      ]);
    }));

  test('getDeviceState gives null for an unregistered device, other methods fail with NOT_FOUND', () =>
    withManager(async (manager) => {
      expect(await manager.getDeviceState('nobody')).toBeNull();
      for (const error of await failures(
        manager.deviceHeartbeat('nobody'),
        manager.setDesiredState('nobody', {}),
        manager.getStateDelta('nobody'),
      )) {
        expect(error).toMatchObject({ code: 'NOT_FOUND' });
      }
    }));

  test('names the device in the error for a broken record', () =>
    withManager(async (manager) => {
      const fleet = await openFleet(redis);
      await manager.registerDevice('d1', 'lamp');
      await fleet.redis.hset('device:state:d1', 'metadata', '{');
      expect(await failure(manager.getDeviceState('d1'))).toMatchObject({
        code: 'BAD_RECORD',
        message: expect.stringMatching(/^device "d1": the metadata is broken/),
      });
    }));

  test('uses heartbeatTimeout, in seconds, as the default TTL', () =>
    withManager(async (manager) => {
      await manager.registerDevice('d1', 'lamp');
      const ttl = async () => {
        const { lastSeen, expiresAt } = await manager.deviceHeartbeat('d1');
        return expiresAt - lastSeen;
      };
      expect([manager.heartbeatTimeout, await ttl()]).toEqual([60, 60_000]);
      manager.heartbeatTimeout = 90;
      expect(await ttl()).toBe(90_000);
      manager.heartbeatTimeout = 0.5;
      expect(await ttl()).toBe(500);
    }));

  test('takes the options registerAs, merge, ttl, onlyIfNew, replace and ifVersion', () =>
    withManager(async (manager) => {
      await manager.deviceHeartbeat('d1', { a: { b: 1 }, c: 2 }, { registerAs: 'lamp' });
      await manager.deviceHeartbeat('d1', { a: { d: 3 }, c: null }, { merge: true, ttl: 5000 });
      expect(await manager.getDeviceState('d1')).toMatchObject({
        deviceType: 'lamp',
        reportedState: { a: { b: 1, d: 3 } },
      });
      expect(await failure(manager.registerDevice('d1', 'lamp', {}, { onlyIfNew: true }))).toMatchObject({
        code: 'CONFLICT',
      });
      await manager.setDesiredState('d1', { a: 1 });
      expect(await failure(manager.setDesiredState('d1', { a: 2 }, { ifVersion: 0 }))).toMatchObject({
        code: 'CONFLICT',
      });
      const replaced = await manager.setDesiredState('d1', { b: 1 }, { replace: true, ifVersion: 1 });
      expect(replaced).toMatchObject({
        desiredState: { b: 1 },
        desiredJson: '{"b":1}',
        version: 2,
        changed: true,
      });
    }));

  test('keeps every digit of numbers in the …Json fields, and takes bigint', () =>
    withManager(async (manager) => {
      const fleet = await openFleet(redis);
      await manager.registerDevice('d1', 'lamp', NUMBERS);
      await manager.deviceHeartbeat('d1', NUMBERS);
      await fleet.redis.hset('device:state:d1', 'desiredState', ODD_NUMBERS);
      const state = await manager.getDeviceState('d1');
      const exact = '{"big":12345678901234567890,"money":0.1}';
      expect(state).toMatchObject({ metadataJson: exact, reportedJson: exact, desiredJson: ODD_NUMBERS });
      expect(state?.desiredState).toEqual({
        big: 12345678901234567000,
        huge: Number.POSITIVE_INFINITY,
        money: 0.1,
      });
      const { desiredJson } = await manager.setDesiredState('d1', { on: true });
      expect(desiredJson).toBe(`${ODD_NUMBERS.slice(0, -1)},"on":true}`);
    }));

  test('refuses a document over 1 MiB, and a merge whose result is over 1 MiB', () =>
    withManager(async (manager) => {
      await manager.registerDevice('d1', 'lamp');
      const half = { a: 'x'.repeat(600_000) };
      const whole = { b: 'x'.repeat(1_100_000) };
      await manager.deviceHeartbeat('d1', half);
      await manager.setDesiredState('d1', half);
      const refused = { code: 'USAGE', message: expect.stringContaining('at most 1 MiB') };
      for (const error of await failures(
        manager.registerDevice('d2', 'lamp', whole),
        manager.deviceHeartbeat('d1', whole),
        manager.deviceHeartbeat('d1', { b: half.a }, { merge: true }),
        manager.setDesiredState('d1', whole),
        manager.setDesiredState('d1', { b: half.a }),
      )) {
        expect(error).toMatchObject(refused);
      }
      expect((await manager.getDeviceState('d1'))?.reportedState).toEqual(half);
    }));

  test.each([[[1]], ['text'], [3], [true], [new Date(0)]])('refuses the document %j with USAGE', (value) =>
    withManager(async (manager) => {
      const document = value as never;
      await manager.registerDevice('d1', 'lamp');
      for (const error of await failures(
        manager.registerDevice('d1', 'lamp', document),
        manager.deviceHeartbeat('d1', document),
        manager.setDesiredState('d1', document),
      )) {
        expect(error).toMatchObject({
          code: 'USAGE',
          message: 'a document must be a JSON object',
        });
      }
      const heartbeats = await manager.deviceHeartbeats([
        { deviceId: 'd1', reportedState: document },
        { deviceId: 'd1' },
      ]);
      expect(heartbeats).toMatchObject([{ code: 'USAGE' }, { status: 'online' }]);
    }),
  );

  test('gives USAGE at the index of each value that is no document', () =>
    withManager(async (manager) => {
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      const invalid = [circular, new Date(0), [1], { toJSON: () => 3 }];
      const good = { n: 1 };
      const documents = [good, ...invalid, good];
      const expected = ['done', ...invalid.map(() => 'USAGE'), 'done'];
      const codes = (results: readonly object[]) =>
        results.map((result) => (result instanceof DevstateError ? result.code : 'done'));
      const registered = await manager.registerDevices(
        documents.map((metadata, i) => ({ deviceId: `d${i}`, deviceType: 'lamp', metadata })),
      );
      expect(codes(registered)).toEqual(expected);
      const beats = documents.map((reportedState) => ({ deviceId: 'd0', reportedState }));
      expect(codes(await manager.deviceHeartbeats(beats))).toEqual(expected);
      for (const document of invalid)
        expect(await failure(manager.setDesiredState('d0', document))).toMatchObject({ code: 'USAGE' });
      expect(await manager.getDeviceState('d0')).toMatchObject({ metadata: good, reportedVersion: 1 });
    }));

  test('takes a document typed by an interface', () =>
    withManager(async (manager) => {
      interface Climate {
        temperature: number;
        unit?: string;
      }
      const climate: Climate = { temperature: 21 };
      await manager.registerDevices([{ deviceId: 'd1', deviceType: 'sensor', metadata: climate, ttl: 9000 }]);
      await manager.deviceHeartbeat('d1', climate);
      await manager.setDesiredState('d1', climate);
      expect(await manager.getDeviceState('d1')).toMatchObject({
        reportedState: climate,
        desiredState: climate,
        metadata: climate,
        heartbeatTtl: 9000,
      });
    }));

  test('registerDevices gives results in order, and fails item by item', () =>
    withManager(async (manager) => {
      const results = await manager.registerDevices([
        { deviceId: 'd1', deviceType: 'lamp' },
        { deviceId: '', deviceType: 'lamp' },
        { deviceId: 'd1', deviceType: 'plug' },
      ]);
      expect(results).toMatchObject([{ created: true }, { code: 'USAGE' }, { created: false }]);
      const again = await manager.registerDevices(
        [
          { deviceId: 'd1', deviceType: 'lamp' },
          { deviceId: 'd2', deviceType: 'lamp' },
        ],
        { onlyIfNew: true },
      );
      expect(again).toMatchObject([{ code: 'CONFLICT' }, { created: true }]);
      expect((await manager.getDeviceState('d1'))?.deviceType).toBe('plug');
    }));
});

describe('subscribeToPresence', () => {
  test('calls back for each event, until the returned function is called', () =>
    withManager(async (manager) => {
      const fleet = await openFleet(redis);
      const subscribers = async () => (await fleet.redis.pubsub('NUMSUB', 'devices:presence'))[1] as number;
      await manager.registerDevice('d1', 'lamp');
      const events: PresenceEvent[] = [];
      const stop = manager.subscribeToPresence((event) => events.push(event));
      await until(async () => (await subscribers()) === 1);
      await fleet.redis.ping();
      await until(async () => {
        await manager.deviceHeartbeat('d1');
        await manager.disconnectDevice('d1');
        return events.length >= 4;
      });
      const log = await logOf(fleet);
      expect(log.slice(-events.length)).toEqual(expect.arrayContaining(events.slice(-2)));
      expect(events.every(({ seq }, i) => i === 0 || seq === (events[i - 1]?.seq ?? 0) + 1)).toBe(true);
      stop();
      await until(async () => (await subscribers()) === 0);
    }));

  test('calls onError with the error that ends it', () =>
    withManager(async (manager) => {
      const fleet = await openFleet(redis);
      await fleet.redis.set('devices:presence:log', 'x');
      const error = await new Promise((resolve) => manager.subscribeToPresence(() => {}, resolve));
      expect(error).toMatchObject({ code: 'BAD_RECORD' });
    }));

  test('ends when the manager is closed', async () => {
    const fleet = await openFleet(redis);
    const subscribers = async () => (await fleet.redis.pubsub('NUMSUB', 'devices:presence'))[1] as number;
    await withManager(async (manager) => {
      manager.subscribeToPresence(() => {});
      await until(async () => (await subscribers()) === 1);
    });
    await until(async () => (await subscribers()) === 0);
  });
});
