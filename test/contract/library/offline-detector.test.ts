/** OfflineDetector: construction as in the article, typed events, start, stop and errors. */
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isDetectorRunning } from '../../../src/core/detection/detector-running.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import {
  OfflineDetector,
  type OfflineDetectorEvents,
  type OfflineDetectorOptions,
  type PresenceEvent,
} from '../../../src/index.js';
import { articleProgram } from '../../support/article.mjs';
import { failure, hold, openFleet, type SingleFleet, storyOf, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';
import { warningsDuring } from '../../support/warnings.js';

const redis = useRedis({ port: true });
const connectionOptions = () => ({ host: '127.0.0.1', port: Number(new URL(redis.url).port) });

let fleet: SingleFleet;
let open: OfflineDetector[];
beforeEach(async () => {
  fleet = await openFleet(redis);
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map((detector) => detector.stop()));
});

function createDetector(options: OfflineDetectorOptions = {}, connection = {}): OfflineDetector {
  const detector = new OfflineDetector({ ...connectionOptions(), ...connection }, options);
  open.push(detector);
  return detector;
}

/** Resolves with the arguments of the next event of this name. */
function nextEvent<Name extends keyof OfflineDetectorEvents>(detector: OfflineDetector, name: Name) {
  return new Promise<OfflineDetectorEvents[Name]>((resolve) => {
    detector.once(name, ((...args: OfflineDetectorEvents[Name]) => resolve(args)) as never);
  });
}

/** Registers a device and sends a heartbeat that expires after `ttlMs`. */
async function beatOnce(id: string, ttlMs = 20): Promise<void> {
  await register(fleet, id, 'lamp');
  await heartbeat(fleet, { id, ttl: ttlMs });
}

test('is constructed with host and port as in the article', async () => {
  const detector = createDetector();
  await detector.start();
  expect(await isDetectorRunning(fleet)).toBe(true);
  await beatOnce('d1');
  const [event]: [PresenceEvent] = await nextEvent(detector, 'offline');
  expect(event).toMatchObject({
    deviceId: 'd1',
    deviceType: 'lamp',
    status: 'offline',
    reason: 'timeout',
    seq: 2,
  });
  await detector.stop();
  expect(await isDetectorRunning(fleet)).toBe(false);
});

test('takes a client of the caller, and leaves it open', async () => {
  const client = await redis.client();
  const detector = new OfflineDetector(client, { namespace: 'acme' });
  await detector.start();
  await detector.stop();
  expect(await client.ping()).toBe('PONG');
});

test('takes a client of another copy of ioredis', async () => {
  const client = await redis.client();
  const foreign = new Proxy(client, { getPrototypeOf: () => Object.prototype });
  const detector = new OfflineDetector(foreign);
  await detector.start();
  expect(await isDetectorRunning(fleet)).toBe(true);
  await detector.stop();
});

test('takes each strategy with its options', async () => {
  for (const options of [
    { strategy: 'deadline' as const, auditRound: 1000 },
    { strategy: 'poll' as const, interval: 50 },
    { strategy: 'keyspace' as const },
  ]) {
    const detector = createDetector(options);
    await detector.start();
    const found = nextEvent(detector, 'offline');
    await beatOnce(options.strategy);
    await found;
    await detector.stop();
  }
  expect(await storyOf(fleet, 'poll')).toEqual(['1 online heartbeat', '2 offline timeout']);
});

test('emits online for a device that another program brings online', async () => {
  const detector = createDetector();
  await detector.start();
  const article = articleProgram(fleet.redis, 'node');
  await article.register('d1', 'lamp');
  const observed = nextEvent(detector, 'online');
  await article.heartbeat('d1');
  const [event] = await observed;
  expect(event).toMatchObject({ deviceId: 'd1', status: 'online', reason: 'observed' });
});

test('emits hold and holdEnd, and ignores the hold with honourHold: false', async () => {
  await beatOnce('d1');
  const end = await hold(fleet, ['d1'], 1500);
  const detector = createDetector();
  const order: string[] = [];
  detector.on('hold', (until) => order.push(`hold ${until - end}`));
  detector.on('holdEnd', () => order.push('holdEnd'));
  detector.on('offline', () => order.push('offline'));
  await detector.start();
  await nextEvent(detector, 'offline');
  expect(order).toEqual(['hold 0', 'holdEnd', 'offline']);
  const hasty = createDetector({ honourHold: false });
  await detector.stop();
  await beatOnce('d2');
  await hold(fleet, ['d2'], 60_000);
  const found = nextEvent(hasty, 'offline');
  await hasty.start();
  expect(await found).toMatchObject([{ deviceId: 'd2' }]);
});

describe('start and stop', () => {
  test('called twice have the effect of one call', async () => {
    const detector = createDetector();
    expect(detector.start()).toBe(detector.start());
    await detector.start();
    const offline: string[] = [];
    detector.on('offline', ({ deviceId }) => offline.push(deviceId));
    await beatOnce('d1');
    await until(() => offline.length > 0);
    await Promise.all([detector.stop(), detector.stop()]);
    await detector.stop();
    expect(offline).toEqual(['d1']);
  });

  test('start rejects, when stop was called before or meanwhile', async () => {
    const never = createDetector();
    await never.stop();
    expect(await failure(never.start())).toMatchObject({
      code: 'USAGE',
      message: 'the detector was stopped and cannot be started again',
    });
    const hasty = createDetector();
    const starting = failure(hasty.start());
    await hasty.stop();
    expect(await starting).toMatchObject({ code: 'USAGE' });
    expect(await isDetectorRunning(fleet)).toBe(false);
  });
});

describe('with the caller’s client, while Redis hangs', () => {
  /** Longer than a detector may take to stop. */
  const HANGS_MS = 2500;
  const hang = (client: Redis) => client.call('CLIENT', 'PAUSE', HANGS_MS, 'ALL');

  test.each(['deadline', 'poll', 'keyspace'] as const)('%s: stops within a second', async (strategy) => {
    const client = await redis.client();
    const detector = new OfflineDetector(client, { strategy });
    await detector.start();
    await hang(fleet.redis);
    const stopRequestedAt = performance.now();
    await detector.stop();
    expect(performance.now() - stopRequestedAt).toBeLessThan(1000);
    await client.ping(); // the client still works
  });

  test('keyspace: many detectors of one client leave no listeners, and cause no warning', async () => {
    const client = await redis.client();
    const before = client.listenerCount('ready');
    const detectors = Array.from({ length: 12 }, () => new OfflineDetector(client, { strategy: 'keyspace' }));
    const warnings = await warningsDuring(async () => {
      await Promise.all(detectors.map((detector) => detector.start()));
    });
    expect(warnings).toEqual([]);
    await Promise.all(detectors.map((detector) => detector.stop()));
    expect(client.listenerCount('ready')).toBeLessThanOrEqual(before + 1);
  });

  test('keyspace: stops within a second before it has started', async () => {
    const client = await redis.client();
    const detector = new OfflineDetector(client, { strategy: 'keyspace' });
    await hang(fleet.redis);
    const starting = failure(detector.start());
    const stopRequestedAt = performance.now();
    await detector.stop();
    expect(performance.now() - stopRequestedAt).toBeLessThan(1000);
    expect(await starting).toMatchObject({
      code: 'USAGE',
      message: 'the detector was stopped and cannot be started again',
    });
    await client.ping();
    await until(async () => !/ sub=1 /.test((await client.client('LIST')) as string)); // no subscription is left
  });
});

describe('on errors', () => {
  test('start rejects without output, when no server is reachable', async () => {
    const printed = vi.spyOn(console, 'error');
    for (const strategy of ['deadline', 'poll', 'keyspace'] as const) {
      const detector = createDetector({ strategy }, { port: 1, maxRetriesPerRequest: 1 });
      expect(await failure(detector.start())).toMatchObject({ code: 'CONNECTION' });
    }
    const reconnecting = createDetector({}, { port: 1, maxRetriesPerRequest: null });
    const starting = failure(reconnecting.start());
    const stopRequestedAt = performance.now();
    await reconnecting.stop();
    expect(performance.now() - stopRequestedAt).toBeLessThan(1000);
    expect(await starting).toMatchObject({ code: 'USAGE' });
    expect(printed).not.toHaveBeenCalled();
  });

  test('start rejects, or error is emitted later, when a key holds the wrong type', async () => {
    await fleet.redis.set(fleet.keys.activity, 'x');
    const broken = { code: 'BAD_RECORD', message: expect.stringContaining('devices:activity') };
    expect(await failure(createDetector().start())).toMatchObject(broken);
    await fleet.redis.del(fleet.keys.activity);
    const detector = createDetector();
    await detector.start();
    const failed = nextEvent(detector, 'error');
    await fleet.redis.set(fleet.keys.activity, 'x');
    expect(await failed).toMatchObject([broken]);
    await detector.stop();
  });

  test('emits notice and continues, when a record cannot be read', async () => {
    const detector = createDetector();
    await detector.start();
    const notice = nextEvent(detector, 'notice');
    await fleet.redis.sadd(fleet.keys.registered, 'broken');
    await fleet.redis.set(fleet.keys.state('broken'), 'x');
    expect(await notice).toEqual(['device:state:broken holds a string, not a hash']);
    await beatOnce('d1');
    await nextEvent(detector, 'offline');
  });
});

describe('when Redis is restarted', () => {
  const killable = useRedis({ port: true });

  test('emits lost and resumed', async () => {
    const reconnecting = { commandTimeout: 200, maxRetriesPerRequest: null, retryStrategy: () => 50 };
    const detector = createDetector({}, { port: new URL(killable.url).port, ...reconnecting });
    await detector.start();
    const order: string[] = [];
    detector.on('lost', ({ code }) => order.push(code));
    detector.on('resumed', () => order.push('resumed'));
    const lost = nextEvent(detector, 'lost');
    const resumed = nextEvent(detector, 'resumed');
    await killable.server.kill();
    try {
      await lost;
    } finally {
      await killable.server.restart();
    }
    await resumed;
    expect(order).toEqual(['CONNECTION', 'resumed']);
  });
});
