/**
 * Nothing is done after its time: what was sent to a server that is stopped, or over a path that delivers late, is done
 * before its caller was told that it failed, or never. The records tell: each write has a number of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { DeviceStateManager } from '../../../src/library/device-state-manager.js';
import { heapInUse } from '../../support/collect-garbage.js';
import { type FaultProxy, useFaultProxy } from '../../support/faults/fault-proxy.js';
import type { Flow } from '../../support/faults/flow.js';
import { failure, logOf, numberedIds, openFleet } from '../../support/fleet.js';
import { RecordedWrites, type Writer } from '../../support/recorded-writes.js';
import { useRedis } from '../../support/redis.js';
import { printReport } from '../../support/report.js';
import { bySize } from '../../support/size.js';

const redis = useRedis({ port: true });
const TIMEOUT_MS = 500;
/**
 * The longest time of a call on a busy machine, ms: the request timeout for the read and for the write of a desired
 * state.
 */
const END_MS = 2 * TIMEOUT_MS + 1000;
const STOPPED_MS = bySize(2000, 8000);

function opened(url: string, requestTimeout = TIMEOUT_MS): DeviceStateManager {
  const { hostname, port } = new URL(url);
  const made = new DeviceStateManager({ host: hostname, port: Number(port) }, { requestTimeout });
  onTestFinished(() => made.close());
  return made;
}

/** Stops the server's process for a time. */
async function stopFor(ms: number): Promise<void> {
  const { pid } = redis.server;
  process.kill(pid, 'SIGSTOP');
  try {
    await sleep(ms);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

test('500 calls a second while the server is stopped are done in their time, or never', async () => {
  const manager = opened(redis.url);
  const writer: Writer = {
    report: (id, n) => manager.deviceHeartbeat(id, { n }),
    desire: (id, n) => manager.setDesiredState(id, { n }),
  };
  const fleet = await openFleet(redis);
  const writes = await RecordedWrites.start(fleet, writer, numberedIds(200));
  const outage = async () => {
    await sleep(TIMEOUT_MS);
    await stopFor(STOPPED_MS);
    await sleep(2 * TIMEOUT_MS);
  };
  await writes.during(500, outage());
  const { late, missing, doubled, ...verdict } = await writes.check(fleet);
  printReport(`500 calls a second, the server stopped for ${STOPPED_MS} ms`, [
    `${JSON.stringify(verdict)}, late: ${late.length}`,
  ]);
  expect({ late, missing, doubled }).toEqual({ late: [], missing: [], doubled: [] });
  expect(verdict.notDone + verdict.unknown).toBeGreaterThan(STOPPED_MS / 10);
  expect(verdict.done).toBeGreaterThan(100);
  expect(verdict.longestMs).toBeLessThan(END_MS);
});

const SILENCE_MS = bySize(4000, 60_000);
const GROWTH_BYTES = bySize(3_000_000, 5_000_000);

test(
  '1,000 calls a second to a silent server take no more memory with time',
  async () => {
    const manager = opened(redis.url);
    await manager.registerDevice('d1', 'lamp');
    await manager.deviceHeartbeat('d1', { n: -1 });
    let failed = 0;
    let sent = 0;
    const begun = performance.now();
    const timer = setInterval(() => {
      for (const due = performance.now() - begun; sent < due; sent++)
        manager.deviceHeartbeat('d1', { n: sent }).catch(() => {
          failed += 1;
        });
    }, 10);
    onTestFinished(() => clearInterval(timer));
    const measured: number[] = [];
    const outage = stopFor(SILENCE_MS);
    await sleep(SILENCE_MS / 4);
    measured.push(heapInUse());
    await sleep(SILENCE_MS / 2);
    measured.push(heapInUse());
    await outage;
    clearInterval(timer);
    const [before = 0, after = 0] = measured;
    printReport(`1,000 calls a second for ${SILENCE_MS} ms of silence`, [
      `${failed} of ${sent} failed; heap ${(before / 1e6).toFixed(1)} MB after a quarter, ${(after / 1e6).toFixed(1)} MB after three`,
    ]);
    expect(failed).toBeGreaterThan(SILENCE_MS / 2);
    expect(after - before).toBeLessThan(GROWTH_BYTES);
  },
  SILENCE_MS + 60_000,
);

/**
 * Keeps script calls for the device from the server, with all that follows on their connections; new connections work.
 * @returns delivers what was kept, and waits until the server has answered it
 */
function keepBack(proxy: FaultProxy, id: string): () => Promise<void> {
  const kept = new Set<Flow>();
  proxy.onData = (flow, chunk, direction) => {
    if (direction !== 'toServer' || !/evalsha/i.test(chunk.toString('latin1')) || !chunk.includes(id)) return;
    flow.set({ swallow: true }, 'toServer');
    kept.add(flow);
  };
  return async () => {
    expect(kept.size).toBeGreaterThan(0);
    proxy.onData = () => {};
    const answered = [...kept].map((flow) => [flow, flow.toClient.seen] as const);
    for (const flow of kept) flow.set({ swallow: false, halfOpen: true }, 'toServer');
    await proxy.until(() => answered.every(([{ toClient }, before]) => toClient.seen > before));
  };
}

test('a rejected report does not come back, whatever the device reported elsewhere', async () => {
  const proxy = await useFaultProxy(redis.url);
  const manager = opened(proxy.url);
  const elsewhere = opened(redis.url, 5000);
  await elsewhere.registerDevice('d1', 'lamp');
  await manager.deviceHeartbeat('d1', { t: 0 });
  const deliver = keepBack(proxy, 'd1');
  expect(await failure(manager.deviceHeartbeat('d1', { t: 1 }))).toMatchObject({ outcome: 'unknown' });
  await elsewhere.deviceHeartbeat('d1', { t: 2 });
  await deliver();
  expect(await elsewhere.getDeviceState('d1')).toMatchObject({ reportedState: { t: 2 }, reportedVersion: 2 });
  await manager.deviceHeartbeat('d1', { t: 3 });
  expect(await elsewhere.getDeviceState('d1')).toMatchObject({ reportedState: { t: 3 }, reportedVersion: 3 });
});

test.each<[what: string, call: (of: DeviceStateManager, id: string) => Promise<unknown>]>([
  ['disconnect', (of, id) => of.disconnectDevice(id)],
  ['unregistration', (of, id) => of.unregisterDevice(id)],
  ['change of the type', (of, id) => of.registerDevice(id, 'plug')],
  ['desired state', (of, id) => of.setDesiredState(id, { on: true })],
])('a rejected %s is not done later to a device that goes on', async (_, call) => {
  const proxy = await useFaultProxy(redis.url);
  const manager = opened(proxy.url);
  const elsewhere = opened(redis.url, 5000);
  const state = async () => {
    const { status, deviceType, desiredVersion } = (await elsewhere.getDeviceState('d1')) ?? {};
    return { status, deviceType, desiredVersion };
  };
  for (const deviceId of ['d1', 'd2']) await elsewhere.registerDevice(deviceId, 'lamp');
  await manager.deviceHeartbeat('d1');
  await call(elsewhere, 'd2'); // the server then has the script
  const before = await state();
  const deliver = keepBack(proxy, 'd1');
  expect(await failure(call(manager, 'd1'))).toMatchObject({ outcome: 'unknown' });
  await elsewhere.deviceHeartbeat('d1');
  await deliver();
  expect(await state()).toEqual(before);
});

test('reports that were sent to a stopped server bring no device online later', async () => {
  const manager = opened(redis.url);
  const fleet = await openFleet(redis);
  for (const deviceId of ['d1', 'd2']) await manager.registerDevice(deviceId, 'lamp');
  await manager.deviceHeartbeat('d2', { n: 0 }); // the server then has the script
  const { pid } = redis.server;
  process.kill(pid, 'SIGSTOP');
  const errors = await Promise.all(
    Array.from({ length: 50 }, (_, n) => failure(manager.deviceHeartbeat('d1', { n }))),
  ).finally(() => process.kill(pid, 'SIGCONT'));
  for (const error of errors) expect(error.code).toBe('CONNECTION');
  const { redis: client, keys } = await fleet.partitionFor('d1');
  await client.ping();
  await sleep(TIMEOUT_MS);
  expect(await client.exists(keys.heartbeat('d1'))).toBe(0);
  expect(await logOf({ redis: client, keys })).toMatchObject([{ deviceId: 'd2' }]);
});
