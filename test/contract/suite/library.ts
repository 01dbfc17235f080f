/** DeviceStateManager and OfflineDetector on a client that the caller passes in. */
import { expect, onTestFinished, test } from 'vitest';
import { DeviceStateManager, OfflineDetector } from '../../../src/index.js';
import type { Backend } from '../../support/backends.js';
import { allOf, until } from '../../support/fleet.js';

const IDS = Array.from({ length: 50 }, (_, i) => `sensor-${i}`);

export function libraryTests({ open }: Backend): void {
  test('DeviceStateManager and OfflineDetector do what the article’s classes do', async () => {
    const { cluster, redis, options } = await open();
    const manager = new DeviceStateManager(cluster ?? redis, options);
    const detector = new OfflineDetector(cluster ?? redis, options);
    const offline: string[] = [];
    detector.on('offline', ({ deviceId }) => void offline.push(deviceId));
    onTestFinished(() => detector.stop());
    await detector.start();

    const registered = await manager.registerDevices(
      IDS.map((deviceId) => ({ deviceId, deviceType: 'sensor', metadata: { location: 'hall' } })),
    );
    expect(registered).toMatchObject(IDS.map((deviceId) => ({ deviceId, created: true })));
    const ttl = (id: string) => (id === 'sensor-0' ? {} : { ttl: 200 });
    const beats = await Promise.all(IDS.map((id) => manager.deviceHeartbeat(id, { t: 23.5 }, ttl(id))));
    expect(beats).toMatchObject(IDS.map((deviceId) => ({ deviceId, wasOffline: true })));
    expect(await manager.setDesiredState('sensor-0', { every: 30 })).toMatchObject({ version: 1 });
    expect(await manager.getStateDelta('sensor-0')).toMatchObject({
      delta: { every: { desired: 30, reported: null } },
      inSync: false,
    });

    await until(() => offline.length >= IDS.length - 1);
    expect(offline.sort()).toEqual(IDS.slice(1).sort());
    expect(await manager.getOnlineDevices()).toEqual(['sensor-0']);
    expect((await manager.getOfflineDevices()).sort()).toEqual(IDS.slice(1).sort());
    expect(await manager.getDeviceState('sensor-0')).toMatchObject({
      status: 'online',
      metadata: { location: 'hall' },
      reportedState: { t: 23.5 },
      desiredState: { every: 30 },
    });
    expect(await manager.getDeviceState('nobody')).toBeNull();

    const stop = new AbortController();
    const since = { time: 0 };
    const events = await allOf(manager.presence({ since, signal: stop.signal, onReady: () => stop.abort() }));
    expect(events).toHaveLength(2 * IDS.length - 1);
  });
}
