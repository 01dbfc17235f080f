/** The detector: each expiry is announced once, beside other detectors and programs, with and without a hold. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { DetectOptions } from '../../../src/core/detection/detect-options.js';
import { detect } from '../../../src/core/detection/detector.js';
import { isDetectorRunning } from '../../../src/core/detection/detector-running.js';
import { sweep } from '../../../src/core/detection/sweep.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { MAX_DEVICES_PER_SCRIPT } from '../../../src/core/store/scripts.js';
import { articleProgram } from '../../support/article.mjs';
import { DETECTOR_CLIENT, type OpenDetector, openDetector } from '../../support/detector.js';
import {
  allOf,
  bringOnline,
  cut,
  DIALECTS,
  hold,
  logOf,
  numberedIds,
  ODD_IDS,
  openFleet,
  type SingleFleet,
  serverNow,
  storyOf,
  until,
} from '../../support/fleet.js';
import { type Pulse, parsePulse, pulseText } from '../../support/hold/pulse.js';
import { interceptCommands } from '../../support/intercept-commands.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
});

const pulse = (fields: Partial<Pulse>) => fleet.redis.set(fleet.keys.pulse, pulseText(fields));

/** Starts a detector on its own connection. */
async function detector(options: DetectOptions = {}, at = redis): Promise<OpenDetector> {
  return openDetector(await openFleet(at, fleet.options, DETECTOR_CLIENT), options);
}

/** Registers d0, d1, … and sends a heartbeat of each with the TTL for its index, in ms. */
async function online(count: number, ttl: (index: number) => number): Promise<string[]> {
  const ids = numberedIds(count);
  await bringOnline(fleet, ids, ttl);
  return ids;
}

/** Writes records and heartbeat keys q0, q1, … like another program that publishes nothing. */
async function writeUnpublished(count: number): Promise<void> {
  const { redis: client, keys } = fleet;
  const ids = Array.from({ length: count }, (_, i) => `q${i}`);
  const commands = ids.flatMap((id) => [
    ['hset', keys.state(id), 'deviceId', id, 'deviceType', 'lamp', 'status', 'online', 'lastSeen', '1'],
    ['sadd', keys.registered, id],
    ['setex', keys.heartbeat(id), '600', '1'],
  ]);
  await client.pipeline(commands).exec();
}

const runSweep = async (options: DetectOptions = {}) => {
  const events: string[] = [];
  for await (const { deviceId, status } of sweep(fleet, options)) events.push(`${deviceId} ${status}`);
  return events;
};

describe.each(DIALECTS)('in a %s fleet', (dialect) => {
  test('announces each expiry once, with the deadline as its time', async () => {
    fleet = await openFleet(redis, { dialect });
    const { events, first } = await detector();
    const deadlines = new Map<string, number>();
    for (const [i, id] of ODD_IDS.entries()) {
      await register(fleet, id, 'lamp');
      deadlines.set(id, (await heartbeat(fleet, { id, ttl: 50 + 40 * i })).expiresAt);
    }
    await first(ODD_IDS.length);
    expect(events.map(({ deviceId }) => deviceId)).toEqual(ODD_IDS);
    for (const id of ODD_IDS) {
      const offline = { status: 'offline', seq: 2, reason: 'timeout', timestamp: deadlines.get(id) };
      expect(events.filter(({ deviceId }) => deviceId === id)).toMatchObject([offline]);
      expect(await logOf(fleet, id)).toMatchObject([{ seq: 1 }, { ...offline, deviceType: 'lamp' }]);
      expect(await readDevice(fleet, id)).toMatchObject({ status: 'offline', presenceSeq: 2 });
    }
    expect(events).toEqual((await logOf(fleet)).filter(({ status }) => status === 'offline'));
    expect(await fleet.redis.hget(fleet.keys.state('a/b'), 'status')).toBe('offline');
  });
});

test('announces the devices of its namespace only', async () => {
  const acme = await openFleet(redis, { namespace: 'acme' });
  await online(1, () => 30);
  await register(acme, 'a1', 'lamp');
  await heartbeat(acme, { id: 'a1', ttl: 30 });
  const own = await openDetector(acme);
  expect(await own.first(1)).toMatchObject([{ deviceId: 'a1', status: 'offline' }]);
  expect(await storyOf(fleet, 'd0')).toEqual(['1 online heartbeat']);
});

test('announces devices that expired before it started once, also more than one script takes', async () => {
  const ids = await online(3 * MAX_DEVICES_PER_SCRIPT + 7, () => 20);
  await until(async () => (await fleet.redis.exists(...ids.map((id) => fleet.keys.heartbeat(id)))) === 0);
  const { events, first } = await detector();
  await first(ids.length);
  expect(new Set(events.map(({ deviceId }) => deviceId)).size).toBe(ids.length);
  expect(await logOf(fleet)).toHaveLength(2 * ids.length);
});

test('announces nothing of a device that stays online, and each expiry of one that returns', async () => {
  await online(2, () => 60_000);
  const { events, first } = await detector();
  await heartbeat(fleet, { id: 'd1', ttl: 20 });
  await first(1);
  await heartbeat(fleet, { id: 'd1', ttl: 20 });
  await first(2);
  expect(events.map(({ deviceId, seq, status }) => [deviceId, seq, status])).toEqual([
    ['d1', 2, 'offline'],
    ['d1', 4, 'offline'],
  ]);
  expect(await storyOf(fleet, 'd0')).toEqual(['1 online heartbeat']);
});

describe('other programs', () => {
  test('the audit finds devices that they write without publishing', async () => {
    await writeUnpublished(5);
    await pulse({}); // without one, devices that were not seen since are held
    const { events, first } = await detector();
    await first(5);
    for (const { status, reason, seq } of events)
      expect([status, reason, seq]).toEqual(['online', 'observed', 1]);
    await fleet.redis.pexpire(fleet.keys.heartbeat('q3'), 10);
    await until(async () => (await storyOf(fleet, 'q3')).length === 2);
    expect(await storyOf(fleet, 'q3')).toEqual(['1 online observed', '2 offline timeout']);
  });

  test('the audit covers a larger fleet within auditRound', async () => {
    const count = 20 * MAX_DEVICES_PER_SCRIPT;
    await writeUnpublished(count);
    await detector({ auditRound: 1000 });
    await until(async () => (await fleet.redis.xlen(fleet.keys.log)) === count);
    expect(await fleet.redis.zcard(fleet.keys.activity)).toBe(count);
  });

  test('a published heartbeat is settled at once, also outside of the audit', async () => {
    const article = articleProgram(fleet.redis, 'node');
    await article.register('d1', 'lamp');
    await fleet.redis.srem(fleet.keys.registered, 'd1');
    const { first } = await detector();
    await article.heartbeat('d1');
    expect(await first(1)).toMatchObject([{ deviceId: 'd1', status: 'online', reason: 'observed' }]);
    await fleet.redis.pexpire(fleet.keys.heartbeat('d1'), 10);
    await article.keyspaceDetector(fleet.keys.heartbeat('d1')); // published before the key has expired, so nothing is announced
    await until(async () => (await fleet.redis.exists(fleet.keys.heartbeat('d1'))) === 0);
    await article.keyspaceDetector(fleet.keys.heartbeat('d1'));
    await until(async () => (await storyOf(fleet, 'd1')).length === 2);
    expect(await storyOf(fleet, 'd1')).toEqual(['1 online observed', '2 offline timeout']);
  });

  test('records that cannot be read give one notice each, and delay no other device', async () => {
    await online(1, () => 20);
    const broken = Array.from({ length: 2 * MAX_DEVICES_PER_SCRIPT }, (_, i) => `broken${i}`);
    await fleet.redis.sadd(fleet.keys.registered, ...broken.slice(0, 3));
    for (const [i, id] of broken.entries()) {
      await fleet.redis.set(fleet.keys.state(id), 'x');
      await fleet.redis.zadd(fleet.keys.activity, 1 + i, id);
    }
    const { said, first } = await detector();
    expect(await first(1)).toMatchObject([{ deviceId: 'd0', status: 'offline' }]);
    await until(() => said.length >= broken.length);
    await heartbeat(fleet, { id: 'd0', ttl: 1500 }); // two rounds of the audit
    await first(2);
    expect(said.length).toBe(broken.length);
    expect(said).toContain('device:state:broken0 holds a string, not a hash');
  });
});

test('five detectors of all strategies and the article’s detectors announce each transition once', async () => {
  const count = 60;
  const article = articleProgram(await redis.client(), 'node');
  const listener = await redis.client();
  const all = [
    await detector(),
    await detector({ strategy: 'deadline' }),
    await detector({ strategy: 'poll', interval: 40 }),
    await detector({ strategy: 'keyspace' }),
    await detector({ strategy: 'keyspace' }),
  ];
  listener.on('message', (_channel, key: string) => void article.keyspaceDetector(key));
  await listener.subscribe('__keyevent@0__:expired');
  const ids = await online(count, (i) => 30 + 11 * i);
  const offline = async () => (await logOf(fleet)).filter(({ status }) => status === 'offline');
  await until(async () => {
    await article.pollDetector();
    return (await offline()).length >= count;
  });
  for (const id of ids.slice(0, 30)) await heartbeat(fleet, { id, ttl: 200 });
  await until(async () => {
    await article.pollDetector();
    return (await offline()).length >= count + 30;
  });
  const twice = ['1 online heartbeat', '2 offline timeout', '3 online heartbeat', '4 offline timeout'];
  for (const [i, id] of ids.entries())
    expect(await storyOf(fleet, id)).toEqual(twice.slice(0, i < 30 ? 4 : 2));
  await Promise.all(all.map((each) => each.stop()));
  const announced = all.flatMap(({ events }) => events.map(({ id }) => id));
  expect([...announced].sort()).toEqual((await offline()).map(({ id }) => id).sort());
});

describe('the hold', () => {
  test('after an outage: calls onHold, announces nothing until it ends, and calls onHoldEnd', async () => {
    await online(2, () => 3000);
    await cut(fleet, 'd0', 'd1');
    const now = await serverNow(fleet.redis);
    // The devices were seen before the outage, in which neither a heartbeat nor a detector was.
    for (const id of ['d0', 'd1']) await fleet.redis.hset(fleet.keys.state(id), 'lastSeen', now - 2900);
    await fleet.redis.zadd(fleet.keys.activity, now - 1, 'd0', now - 1, 'd1');
    await pulse({ last: now - 2500, step: now - 2600 });
    const holds: number[] = [];
    const { events, said, says, first } = await detector({ onHold: (until) => void holds.push(until) });
    await until(() => holds.length > 0);
    await heartbeat(fleet, { id: 'd0' });
    await says('hold over');
    expect(await first(1)).toMatchObject([{ deviceId: 'd1', status: 'offline', reason: 'timeout' }]);
    const [hold = 0] = holds;
    expect([holds.length, said]).toEqual([1, ['hold over']]);
    expect(hold).toBeGreaterThanOrEqual(now + 2899);
    expect(Number((events[0]?.id ?? '').split('-')[0])).toBeGreaterThanOrEqual(hold);
    expect(await storyOf(fleet, 'd0')).toEqual(['1 online heartbeat']);
  });

  test('is ignored with honourHold: false', async () => {
    await online(1, () => 600_000);
    await hold(fleet, ['d0'], 600_000);
    const { said, says, first } = await detector({ honourHold: false });
    expect(await first(1)).toMatchObject([{ deviceId: 'd0', status: 'offline' }]);
    await says('hold');
    expect(said).toEqual(['hold']);
  });

  test('is honoured by a sweep, which does not stamp the pulse', async () => {
    await online(1, () => 600_000);
    const end = await hold(fleet, ['d0'], 600_000);
    const before = await fleet.redis.get(fleet.keys.pulse);
    const held: number[] = [];
    expect(await runSweep({ onHold: (until) => void held.push(until) })).toEqual([]);
    expect(held).toEqual([end]);
    expect(await fleet.redis.get(fleet.keys.pulse)).toBe(before);
    expect(await runSweep({ honourHold: false })).toEqual(['d0 offline']);
  });

  test('is found by a sweep as by a detector', async () => {
    await online(5, () => 60_000);
    await cut(fleet, ...numberedIds(5));
    const now = await serverNow(fleet.redis);
    for (const id of numberedIds(5)) {
      await fleet.redis.hset(fleet.keys.state(id), 'lastSeen', now - 60_000);
      await fleet.redis.zadd(fleet.keys.activity, now - 1000, id);
    }
    await pulse({ last: now - 20_000, step: now - 20_500 });
    expect(await runSweep()).toEqual([]);
    const { says } = await detector();
    await says('hold');
    for (const id of numberedIds(5)) expect(await storyOf(fleet, id)).toEqual(['1 online heartbeat']);
  });

  test('more held devices than one read returns do not hide one that is not held', async () => {
    const ids = await online(900, () => 60_000);
    const now = await serverNow(fleet.redis);
    const ttl = 30_000;
    for (const [i, id] of ids.entries()) {
      const seenAt = now - ttl - 900 + i;
      fleet.redis.hset(fleet.keys.state(id), 'lastSeen', i === 899 ? seenAt + 20_000 : seenAt);
      fleet.redis.zadd(fleet.keys.activity, seenAt + ttl, id);
      fleet.redis.del(fleet.keys.heartbeat(id));
    }
    await pulse({ from: now - 20_000, to: now - 10_000, last: now, step: now });
    const { events, says, first } = await detector();
    expect(await first(1)).toMatchObject([{ deviceId: 'd899', status: 'offline' }]);
    await says('hold');
    expect(events).toHaveLength(1);
    expect(await runSweep()).toEqual([]);
  });
});

describe('the detector stops', () => {
  const killable = useRedis();

  test('within a second, and removes itself from the pulse', async () => {
    expect(await isDetectorRunning(fleet)).toBe(false);
    const { stop } = await detector();
    await until(() => isDetectorRunning(fleet));
    const stopRequestedAt = performance.now();
    await stop();
    expect(performance.now() - stopRequestedAt).toBeLessThan(1000);
    expect(await isDetectorRunning(fleet)).toBe(false);
    expect(parsePulse((await fleet.redis.get(fleet.keys.pulse)) ?? '')?.step).toBe(0);
  });

  test('while another one keeps running', async () => {
    const [one] = [await detector(), await detector()];
    await one.stop();
    await until(() => isDetectorRunning(fleet));
  });

  test('within a second while Redis is down', async () => {
    const { stop, says } = await detector({}, killable);
    await killable.server.kill();
    try {
      await says('lost');
      const stopRequestedAt = performance.now();
      await stop();
      expect(performance.now() - stopRequestedAt).toBeLessThan(1000);
    } finally {
      await killable.server.restart();
    }
  });

  test('at once, when its signal was aborted before', async () => {
    const options = { signal: AbortSignal.abort(), onReady: () => expect.unreachable() };
    for await (const _ of detect(fleet, options)) expect.unreachable();
  });
});

test('reports its start when the end is requested during the first step', async () => {
  const fleet = await openFleet(redis);
  const end = new AbortController();
  interceptCommands(fleet.redis, ([name], send) => {
    if (name === 'evalsha') end.abort();
    return send();
  });
  const onReady = vi.fn();
  await allOf(detect(fleet, { signal: end.signal, onReady }));
  expect(onReady).toHaveBeenCalledOnce();
});
