/**
 * Each call ends within the request timeout, with a result or an error of the connection, whatever the server or the
 * network does meanwhile.
 */
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { DevstateError } from '../../../src/core/model/errors.js';
import { DeviceStateManager } from '../../../src/library/device-state-manager.js';
import { useFakeServer } from '../../support/faults/fake-server.js';
import { FaultProxy } from '../../support/faults/fault-proxy.js';
import { numberedIds } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
const TIMEOUT_MS = 1000;
/**
 * The longest time of a call, ms: the request timeout, and what a busy machine needs for bulk calls; less than two
 * request timeouts.
 */
const END_MS = TIMEOUT_MS + 900;
const IDS = numberedIds(1000);

function opened(url: string): DeviceStateManager {
  const { hostname, port } = new URL(url);
  const made = new DeviceStateManager({ host: hostname, port: Number(port) }, { requestTimeout: TIMEOUT_MS });
  onTestFinished(() => made.close());
  return made;
}

const CALLS: [what: string, call: (manager: DeviceStateManager) => Promise<unknown>][] = [
  ['a read', (manager) => manager.getDeviceState('d1')],
  ['a heartbeat', (manager) => manager.deviceHeartbeat('d2')],
  ['a report', (manager) => manager.deviceHeartbeat('d3', { on: true })],
  ['a desired state', (manager) => manager.setDesiredState('d4', { on: true })],
  ['a bulk call', (manager) => manager.deviceHeartbeats(IDS.map((deviceId) => ({ deviceId })))],
  [
    'a bulk call of reports',
    (manager) => manager.deviceHeartbeats(IDS.map((deviceId) => ({ deviceId, reportedState: { on: true } }))),
  ],
  ['a list', (manager) => manager.getOfflineDevices()],
];

/** Makes all calls at the same time. Each must end in time, with a result, or with an error of the connection. */
async function expectInTime(manager: DeviceStateManager): Promise<(string | undefined)[]> {
  return Promise.all(
    CALLS.map(async ([what, call]) => {
      const begun = performance.now();
      const error = await call(manager).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect({ what, ms: performance.now() - begun }).toMatchObject({
        ms: expect.toSatisfy((ms) => ms < END_MS),
      });
      if (error === undefined) return undefined;
      expect(error).toBeInstanceOf(DevstateError);
      expect(error).toMatchObject({ code: 'CONNECTION' });
      return what;
    }),
  );
}

async function registered(manager: DeviceStateManager): Promise<void> {
  await manager.registerDevices(IDS.map((deviceId) => ({ deviceId, deviceType: 'lamp' })));
}

const ALL = CALLS.map(([what]) => what);
const NONE = CALLS.map(() => undefined);

describe('through a proxy', () => {
  let proxy: FaultProxy;
  beforeAll(async () => {
    proxy = await FaultProxy.start(redis.url);
  });
  afterAll(() => proxy.close());

  const stop = () => {
    process.kill(redis.server.pid, 'SIGSTOP');
    onTestFinished(() => void process.kill(redis.server.pid, 'SIGCONT'));
  };

  test.each<[what: string, begin: () => unknown, failing: readonly (string | undefined)[]]>([
    ['the server says nothing more', () => proxy.set({ swallow: true }, 'toClient'), ALL],
    ['the server hears nothing more', () => proxy.set({ swallow: true }, 'toServer'), ALL],
    ['the server answers a byte a second', () => proxy.set({ byteEveryMs: 1000 }, 'toClient'), ALL],
    ['the server is stopped', stop, ALL],
    ['each answer is cut by a reset', () => proxy.set({ cut: { bytes: 2, by: 'reset' } }, 'toClient'), ALL],
    ['each answer is cut by an end', () => proxy.set({ cut: { bytes: 2, by: 'end' } }, 'toClient'), ALL],
    [
      'new connections are accepted in silence',
      () => {
        proxy.hold();
        proxy.reset();
      },
      ALL,
    ],
    [
      'connections are refused',
      () => {
        proxy.refuse();
        proxy.reset();
      },
      ALL,
    ],
  ])('%s', async (_, begin, failing) => {
    const manager = opened(proxy.url);
    await registered(manager);
    await begin();
    onTestFinished(async () => {
      proxy.set({ swallow: false, byteEveryMs: 0, cut: undefined });
      proxy.reset();
      await proxy.accept();
    });
    expect(await expectInTime(manager)).toEqual(failing);
  });

  test('the connection is half-open: the calls that may be sent again succeed', async () => {
    const manager = opened(proxy.url);
    await registered(manager);
    proxy.blackHole();
    const failed = await expectInTime(manager);
    for (const what of failed) if (what !== undefined) expect(ALL).toContain(what);
    expect(failed).toContain('a report');
    expect(await expectInTime(manager)).toEqual(NONE);
  });
});

describe('rubbish', () => {
  test.each<[what: string, reply: Buffer | string]>([
    ['of text', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['of bytes', Buffer.from(Array.from({ length: 64 }, (_, i) => (i * 37) % 256))],
    ['that is an endless string', '$500000000\r\nx'],
  ])('%s', async (_, reply) => {
    const fake = await useFakeServer({ forwardTo: redis.url });
    const manager = opened(fake.url);
    await registered(manager);
    fake.answer = () => reply;
    const failed = await expectInTime(manager);
    expect(failed).toContain('a report');
  });
});

test('settings that are out of date delay a call by a tenth of the request timeout at most', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const proxy = await FaultProxy.start(redis.url);
  onTestFinished(() => proxy.close());
  const manager = opened(proxy.url);
  await manager.registerDevice('d1', 'lamp');
  vi.setSystemTime(Date.now() + 61_000);
  proxy.set({ swallow: true }, 'toClient');
  const begun = performance.now();
  await expect(manager.deviceHeartbeat('d1', { on: true })).rejects.toMatchObject({ code: 'CONNECTION' });
  const ms = performance.now() - begun;
  expect(ms).toBeGreaterThan(TIMEOUT_MS - 10);
  expect(ms).toBeLessThan(TIMEOUT_MS + 300);
});
