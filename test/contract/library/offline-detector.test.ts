/** The library's detector: the article's name and call, typed events, and an end. */
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { detectorAtWork } from '../../../src/core/detection/detector.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import {
  OfflineDetector,
  type OfflineDetectorEvents,
  type OfflineDetectorOptions,
  type PresenceEvent,
} from '../../../src/index.js';
import { articleProgram } from '../../support/article.js';
import { failure, openFleet, serverNow, storyOf, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
const where = () => ({ host: '127.0.0.1', port: Number(new URL(redis.url).port) });

let fleet: Fleet;
let open: OfflineDetector[];
beforeEach(async () => {
  fleet = await openFleet(redis);
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map((detector) => detector.stop()));
});

function make(options: OfflineDetectorOptions = {}, connection = {}): OfflineDetector {
  const detector = new OfflineDetector({ ...where(), ...connection }, options);
  open.push(detector);
  return detector;
}

/** The next of these events. */
function next<Name extends keyof OfflineDetectorEvents>(detector: OfflineDetector, name: Name) {
  return new Promise<OfflineDetectorEvents[Name]>((resolve) => {
    detector.once(name, ((...args: OfflineDetectorEvents[Name]) => resolve(args)) as never);
  });
}

async function lapsing(id: string, ttl = 20): Promise<void> {
  await register(fleet, id, 'lamp');
  await heartbeat(fleet, { id, ttl });
}

test('as in the article: made with where Redis is, and started', async () => {
  const detector = make();
  await detector.start();
  expect(await detectorAtWork(fleet)).toBe(true);
  await lapsing('d1');
  const [event]: [PresenceEvent] = await next(detector, 'offline');
  expect(event).toMatchObject({
    deviceId: 'd1',
    deviceType: 'lamp',
    status: 'offline',
    reason: 'timeout',
    seq: 2,
  });
  await detector.stop();
  expect(await detectorAtWork(fleet)).toBe(false);
});

test('with a client of yours, which it leaves open', async () => {
  const client = await redis.client();
  const detector = new OfflineDetector(client, { namespace: 'acme' });
  await detector.start();
  await detector.stop();
  expect(await client.ping()).toBe('PONG');
});

test('with a client of another copy of ioredis', async () => {
  const client = await redis.client();
  const foreign = new Proxy(client, { getPrototypeOf: () => Object.prototype });
  const detector = new OfflineDetector(foreign);
  await detector.start();
  expect(await detectorAtWork(fleet)).toBe(true);
  await detector.stop();
});

test('each strategy, and the options of each', async () => {
  for (const options of [
    { strategy: 'deadline' as const, auditRound: 1000 },
    { strategy: 'poll' as const, interval: 50 },
    { strategy: 'keyspace' as const },
  ]) {
    const detector = make(options);
    await detector.start();
    const found = next(detector, 'offline');
    await lapsing(options.strategy);
    await found;
    await detector.stop();
  }
  expect(await storyOf(fleet, 'poll')).toEqual(['1 online heartbeat', '2 offline timeout']);
});

test('what another program keeps alive comes as online', async () => {
  const detector = make();
  await detector.start();
  const article = articleProgram(fleet.redis, 'node');
  await article.register('d1', 'lamp');
  const observed = next(detector, 'online');
  await article.heartbeat('d1');
  const [event] = await observed;
  expect(event).toMatchObject({ deviceId: 'd1', status: 'online', reason: 'observed' });
});

test('a hold and its end, or none', async () => {
  const now = await serverNow(fleet.redis);
  await lapsing('d1');
  await fleet.redis.set(fleet.keys.pulse, `${now} ${now} ${now + 800}`);
  const detector = make();
  const order: string[] = [];
  detector.on('hold', (until) => order.push(`hold ${until - now}`));
  detector.on('holdEnd', () => order.push('holdEnd'));
  detector.on('offline', () => order.push('offline'));
  await detector.start();
  await next(detector, 'offline');
  expect(order).toEqual(['hold 800', 'holdEnd', 'offline']);
  const hasty = make({ honourHold: false });
  await detector.stop();
  await lapsing('d2');
  await fleet.redis.set(fleet.keys.pulse, `${now} ${now} ${now + 3_600_000}`);
  const found = next(hasty, 'offline');
  await hasty.start();
  expect(await found).toMatchObject([{ deviceId: 'd2' }]);
});

describe('start and stop', () => {
  test('twice is once', async () => {
    const detector = make();
    expect(detector.start()).toBe(detector.start());
    await detector.start();
    const offline: string[] = [];
    detector.on('offline', ({ deviceId }) => offline.push(deviceId));
    await lapsing('d1');
    await until(() => offline.length > 0);
    await Promise.all([detector.stop(), detector.stop()]);
    await detector.stop();
    expect(offline).toEqual(['d1']);
  });

  test('stopped before it was started, or while it starts: it does not', async () => {
    const never = make();
    await never.stop();
    expect(await failure(never.start())).toMatchObject({ code: 'USAGE', message: 'it was stopped' });
    const hasty = make();
    const starting = failure(hasty.start());
    await hasty.stop();
    expect(await starting).toMatchObject({ code: 'USAGE' });
    expect(await detectorAtWork(fleet)).toBe(false);
  });
});

describe('while Redis hangs, with a client of yours', () => {
  /** Longer than a detector may take to end. */
  const HANGS_MS = 2500;
  const hang = (client: Redis) => client.call('CLIENT', 'PAUSE', HANGS_MS, 'ALL');

  test.each(['deadline', 'poll', 'keyspace'] as const)('%s: it ends within a second', async (strategy) => {
    const client = await redis.client();
    const detector = new OfflineDetector(client, { strategy });
    await detector.start();
    await hang(fleet.redis);
    const asked = performance.now();
    await detector.stop();
    expect(performance.now() - asked).toBeLessThan(1000);
    await client.ping(); // its own again
  });

  test('keyspace: though it has not begun', async () => {
    const client = await redis.client();
    const detector = new OfflineDetector(client, { strategy: 'keyspace' });
    await hang(fleet.redis);
    const starting = failure(detector.start());
    const asked = performance.now();
    await detector.stop();
    expect(performance.now() - asked).toBeLessThan(1000);
    expect(await starting).toMatchObject({ code: 'USAGE', message: 'it was stopped' });
    await client.ping();
    await until(async () => !/ sub=1 /.test((await client.client('LIST')) as string)); // it listens to nothing
  });
});

describe('when things go wrong', () => {
  test('nobody there: start rejects, nothing is printed, nothing is left', async () => {
    const printed = vi.spyOn(console, 'error');
    for (const strategy of ['deadline', 'poll', 'keyspace'] as const) {
      const detector = make({ strategy }, { port: 1, maxRetriesPerRequest: 1 });
      expect(await failure(detector.start())).toMatchObject({ code: 'CONNECTION' });
    }
    const patient = make({}, { port: 1, maxRetriesPerRequest: null });
    const starting = failure(patient.start());
    const asked = performance.now();
    await patient.stop();
    expect(performance.now() - asked).toBeLessThan(1000);
    expect(await starting).toMatchObject({ code: 'USAGE' });
    expect(printed).not.toHaveBeenCalled();
  });

  test('a key of another type: start rejects; found later: error, and it has ended', async () => {
    await fleet.redis.set(fleet.keys.activity, 'x');
    const broken = { code: 'BAD_RECORD', message: expect.stringContaining('devices:activity') };
    expect(await failure(make().start())).toMatchObject(broken);
    await fleet.redis.del(fleet.keys.activity);
    const detector = make();
    await detector.start();
    const failed = next(detector, 'error');
    await fleet.redis.set(fleet.keys.activity, 'x');
    expect(await failed).toMatchObject([broken]);
    await detector.stop();
  });

  test('a listener that throws: error, and it has ended', async () => {
    const detector = make();
    detector.on('offline', () => {
      throw new Error('mine');
    });
    await detector.start();
    const failed = next(detector, 'error');
    await lapsing('d1');
    expect(await failed).toMatchObject([{ message: 'mine' }]);
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline timeout']);
  });

  test('a device that cannot be judged: notice, and it goes on', async () => {
    const detector = make();
    await detector.start();
    const notice = next(detector, 'notice');
    await fleet.redis.sadd(fleet.keys.registered, 'broken');
    await fleet.redis.set(fleet.keys.state('broken'), 'x');
    expect(await notice).toEqual(['device:state:broken holds a string, not a hash']);
    await lapsing('d1');
    await next(detector, 'offline');
  });
});

describe('Redis goes away', () => {
  const mortal = useRedis({ port: true });

  test('and comes back: lost, resumed', async () => {
    const patience = { commandTimeout: 200, maxRetriesPerRequest: null, retryStrategy: () => 50 };
    const detector = make({}, { port: new URL(mortal.url).port, ...patience });
    await detector.start();
    const order: string[] = [];
    detector.on('lost', ({ code }) => order.push(code));
    detector.on('resumed', () => order.push('resumed'));
    const lost = next(detector, 'lost');
    const resumed = next(detector, 'resumed');
    await mortal.server.kill();
    try {
      await lost;
    } finally {
      await mortal.server.restart();
    }
    await resumed;
    expect(order).toEqual(['CONNECTION', 'resumed']);
  });
});
