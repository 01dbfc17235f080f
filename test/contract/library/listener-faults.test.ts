/**
 * Listeners and callbacks of the library's caller that throw: the exception reaches the process, as that of any event
 * handler does, and ends neither a detection nor a feed.
 */
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import {
  DeviceStateManager,
  type FeedOptions,
  OfflineDetector,
  type OfflineDetectorEvents,
  type PresenceEvent,
} from '../../../src/index.js';
import { hold, openFleet, type SingleFleet, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';
import { collectUncaught } from '../../support/uncaught.js';

const redis = useRedis();
let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
});

/** Registers devices and sends a heartbeat of each, which expires after `ttl` ms. */
async function beatOnce(ids: readonly string[], ttl = 20): Promise<void> {
  for (const id of ids) {
    await register(fleet, id, 'lamp');
    await heartbeat(fleet, { id, ttl });
  }
}

async function startedDetector(
  name: keyof OfflineDetectorEvents,
  listener: (...args: unknown[]) => unknown,
): Promise<OfflineDetector> {
  const client = await redis.client({ retryStrategy: () => 20 });
  client.on('error', () => {}); // the detector says what is wrong
  const detector = new OfflineDetector(client);
  detector.on(name, listener as never);
  onTestFinished(() => detector.stop());
  await detector.start();
  return detector;
}

describe('OfflineDetector', () => {
  /** What makes the detector emit an event. */
  const CAUSES: Record<Exclude<keyof OfflineDetectorEvents, 'error'>, () => Promise<unknown>> = {
    offline: () => beatOnce(['d1']),
    online: async () => {
      await register(fleet, 'd1', 'lamp');
      await fleet.redis.set(fleet.keys.heartbeat('d1'), '1');
      await fleet.redis.publish(
        fleet.keys.presenceChannel,
        JSON.stringify({ type: 'presence', deviceId: 'd1', status: 'online', timestamp: Date.now() }),
      );
    },
    hold: startHold,
    holdEnd: startHold,
    notice: async () => {
      await fleet.redis.zadd(fleet.keys.activity, 1, 'broken');
      await fleet.redis.set(fleet.keys.state('broken'), 'x');
    },
    lost: cutConnections,
    resumed: cutConnections,
  };

  async function startHold(): Promise<void> {
    await beatOnce(['held']);
    await hold(fleet, ['held'], 1500);
  }

  async function cutConnections(): Promise<void> {
    await fleet.redis.client('KILL', 'TYPE', 'pubsub');
    await fleet.redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  }

  test.each(Object.entries(CAUSES))('goes on when a listener of %s throws', async (name, cause) => {
    const { thrown } = collectUncaught();
    const fault = new Error(`the listener of ${name}`);
    const detector = await startedDetector(name as keyof OfflineDetectorEvents, () => {
      throw fault;
    });
    await cause();
    await until(() => thrown.includes(fault));
    const events: PresenceEvent[] = [];
    detector.removeAllListeners(name).on('offline', (event) => events.push(event));
    await beatOnce(['later']);
    await until(() => events.some(({ deviceId }) => deviceId === 'later'));
    expect(new Set(thrown)).toEqual(new Set([fault]));
  });

  test('an asynchronous listener that rejects makes an unhandled rejection, and the detector goes on', async () => {
    const { rejected } = collectUncaught();
    const heard: string[] = [];
    await startedDetector('offline', async (event) => {
      heard.push((event as PresenceEvent).deviceId);
      throw new Error('later');
    });
    await beatOnce(['d1', 'd2', 'd3']);
    await until(() => rejected.length === 3);
    expect(heard.sort()).toEqual(['d1', 'd2', 'd3']);
  });

  test('without a listener of error, the error that ends the detector is an uncaught exception', async () => {
    const { thrown, rejected } = collectUncaught();
    const detector = await startedDetector('offline', () => {});
    await fleet.redis.del(fleet.keys.activity);
    await fleet.redis.set(fleet.keys.activity, 'x');
    await until(() => thrown.length === 1);
    expect(thrown[0]).toMatchObject({ code: 'BAD_RECORD' });
    await detector.stop();
    expect(rejected).toEqual([]);
  });
});

describe('DeviceStateManager', () => {
  async function openManager(): Promise<DeviceStateManager> {
    const client = await redis.client({ retryStrategy: () => 20 });
    client.on('error', () => {}); // the feed says what is wrong
    const manager = new DeviceStateManager(client);
    onTestFinished(() => manager.close());
    return manager;
  }

  test('subscribeToPresence goes on when its callback throws or rejects', async () => {
    const { thrown, rejected } = collectUncaught();
    const manager = await openManager();
    const failed: unknown[] = [];
    const heard: string[] = [];
    const isAsync = (id: string) => id.startsWith('async');
    const subscribed = async () =>
      ((await fleet.redis.pubsub('NUMSUB', 'devices:presence'))[1] as number) > 0;
    manager.subscribeToPresence(
      ({ deviceId }) => {
        heard.push(deviceId);
        if (isAsync(deviceId)) return Promise.reject(new Error(deviceId));
        throw new Error(deviceId);
      },
      (error) => failed.push(error),
    );
    await until(subscribed);
    await until(async () => {
      await register(fleet, 'probe', 'lamp');
      await heartbeat(fleet, { id: 'probe' });
      await manager.disconnectDevice('probe');
      return heard.length > 0;
    });
    const ids = ['d1', 'async1', 'd2', 'async2'];
    await beatOnce(ids, 60_000);
    await until(() => ids.every((id) => heard.includes(id)));
    await until(() => rejected.length === 2);
    const messages = (errors: readonly unknown[]) => errors.map((error) => (error as Error).message);
    expect(messages(thrown)).toEqual(expect.arrayContaining(['d1', 'd2']));
    expect(messages(rejected)).toEqual(['async1', 'async2']);
    expect(failed).toEqual([]);
  });

  test('an exception of onError is an uncaught exception', async () => {
    const { thrown } = collectUncaught();
    const manager = await openManager();
    await fleet.redis.set(fleet.keys.log, 'x');
    manager.subscribeToPresence(
      () => {},
      () => {
        throw new Error('onError');
      },
    );
    await until(() => thrown.length === 1);
    expect(thrown[0]).toMatchObject({ message: 'onError' });
  });

  test('presence goes on when its callbacks throw', async () => {
    const { thrown } = collectUncaught();
    const manager = await openManager();
    await beatOnce(['d1', 'd2'], 60_000);
    const called: string[] = [];
    const fault = (name: keyof FeedOptions) => () => {
      called.push(name);
      throw new Error(name);
    };
    const names = ['onReady', 'onGap', 'onLost', 'onResumed', 'onDropped'] as const;
    await fleet.redis.xtrim(fleet.keys.log, 'MAXLEN', 1);
    const heard: string[] = [];
    const stop = new AbortController();
    const feed = (async () => {
      const callbacks = Object.fromEntries(names.map((name) => [name, fault(name)]));
      for await (const { deviceId } of manager.presence({
        since: { id: '1-0' },
        signal: stop.signal,
        ...callbacks,
      })) {
        heard.push(deviceId);
      }
    })();
    await until(() => called.includes('onReady'));
    await fleet.redis.client('KILL', 'TYPE', 'pubsub');
    await until(() => called.includes('onResumed'));
    await beatOnce(['d3'], 60_000);
    await until(() => heard.includes('d3'));
    stop.abort();
    await feed;
    expect(called).toEqual(expect.arrayContaining(['onGap', 'onReady', 'onLost', 'onResumed']));
    expect(thrown.map((error) => (error as Error).message)).toEqual(called);
  });
});
