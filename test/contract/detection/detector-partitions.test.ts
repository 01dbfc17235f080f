/** The detector of a fleet with partitions: events and notices of all partitions, each once. */
import { beforeEach, describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import type { DetectOptions } from '../../../src/core/detection/detect-options.js';
import { detect } from '../../../src/core/detection/detector.js';
import { isDetectorRunning } from '../../../src/core/detection/detector-running.js';
import { sweep } from '../../../src/core/detection/sweep.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { presenceFeed } from '../../../src/core/presence/feed.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { unregisterAll } from '../../../src/core/registry/unregister.js';
import { cli } from '../../support/cli.js';
import { DETECTOR_CLIENT, type OpenDetector, openDetector } from '../../support/detector.js';
import {
  allOf,
  bringOnline,
  cut,
  failure,
  hold,
  numberedIds,
  ODD_IDS,
  openFleet,
  type SingleFleet,
  serverNow,
  storyOf,
  until,
} from '../../support/fleet.js';
import { parsePulse, pulseText } from '../../support/hold/pulse.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const PARTITIONS = 16;
const ONLINE_THEN_TIMEOUT = ['1 online heartbeat', '2 offline timeout'];
const IDS = [...ODD_IDS, ...numberedIds(59)];

let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis, { namespace: 'many' });
  await declareFleet(fleet, { partitions: PARTITIONS });
});

/** Starts a detector on its own connection. */
async function detector(options: DetectOptions = {}, of = fleet): Promise<OpenDetector> {
  return openDetector(await openFleet(redis, of.options, DETECTOR_CLIENT), options);
}

/** Registers devices whose heartbeat has expired and was not settled. */
async function expired(ids: readonly string[]): Promise<void> {
  await bringOnline(fleet, ids, () => 20);
  const now = await serverNow(fleet.redis);
  await until(async () => (await serverNow(fleet.redis)) > now + 20);
}

async function storiesOf(of: SingleFleet, ids: readonly string[]): Promise<string[][]> {
  return Promise.all(ids.map(async (id) => storyOf(await of.partitionFor(id), id)));
}

/** Sends a heartbeat of a device that is in neither the registered set nor the index. */
async function onlineOutsideIndex(id: string, ttl: number): Promise<void> {
  await bringOnline(fleet, [id], () => ttl);
  const { keys } = await fleet.partitionFor(id);
  await fleet.redis.srem(keys.registered, id);
  await fleet.redis.zrem(keys.activity, id);
}

const setPulses = async (text: string) => {
  for (const { keys } of await fleet.partitions()) await fleet.redis.set(keys.pulse, text);
};

describe('announces each expiry once', () => {
  test('with one detector of each strategy, like a fleet without partitions', async () => {
    const unpartitioned = await openFleet(redis, { namespace: 'one' });
    const all = [
      await detector(),
      await detector({ strategy: 'poll', interval: 50 }),
      await detector({ strategy: 'keyspace' }),
    ];
    await detector({}, unpartitioned);
    const offlineEvents = async (of: SingleFleet) =>
      (await storiesOf(of, IDS)).flat().filter((line) => /offline/.test(line));
    for (const each of [fleet, unpartitioned]) await bringOnline(each, IDS, (i) => 30 + 5 * i);
    const again = IDS.slice(0, 30);
    for (const each of [fleet, unpartitioned]) {
      await until(async () => (await offlineEvents(each)).length === IDS.length);
      await heartbeats(
        each,
        again.map((id) => ({ id, ttl: 100 })),
      );
    }
    for (const each of [fleet, unpartitioned]) {
      await until(async () => (await offlineEvents(each)).length === IDS.length + again.length);
      await heartbeat(each, { id: 'd0' });
      await disconnect(each, 'd0');
    }
    expect(await storiesOf(fleet, IDS)).toEqual(await storiesOf(unpartitioned, IDS));
    expect((await storiesOf(fleet, ['a/b']))[0]).toEqual([
      ...ONLINE_THEN_TIMEOUT,
      '3 online heartbeat',
      '4 offline timeout',
    ]);
    await Promise.all(all.map((each) => each.stop()));
    const announced = all.flatMap(({ events }) => events);
    expect(announced.length).toBe(IDS.length + again.length);
    // The ids of a feed's events start with the ids in the log, and end with a position.
    const logged = presenceFeed(fleet, { since: { time: 0 }, signal: AbortSignal.timeout(10_000) });
    const timeouts: (string | undefined)[] = [];
    for await (const { id, reason } of logged) {
      if (reason === 'timeout') timeouts.push(id?.split('.')[0]);
      if (timeouts.length === announced.length) break;
    }
    expect(announced.map(({ id }) => id).sort()).toEqual(timeouts.sort());
  });

  test('of 2,000 devices that expired before it started', async () => {
    const ids = numberedIds(2000);
    await expired(ids);
    const { events, first } = await detector();
    await first(ids.length);
    expect(new Set(events.map(({ deviceId }) => deviceId)).size).toBe(ids.length);
    expect(new Set(events.map(({ id }) => id)).size).toBe(ids.length);
  });

  test('with a sweep, of all partitions', async () => {
    await expired(IDS);
    const swept = await allOf(sweep(fleet));
    expect(swept.map(({ deviceId }) => deviceId).sort()).toEqual([...IDS].sort());
    expect(await allOf(sweep(fleet))).toEqual([]);
  });
});

describe('strategies', () => {
  test('poll finds ids in the online sets without a heartbeat key', async () => {
    const { first } = await detector({ strategy: 'poll', interval: 50 });
    for (const id of IDS.slice(0, 20)) {
      await onlineOutsideIndex(id, 60_000);
      await cut(await fleet.partitionFor(id), id);
    }
    await first(20);
    expect(await storiesOf(fleet, IDS.slice(0, 20))).toEqual(Array(20).fill(ONLINE_THEN_TIMEOUT));
  });

  test('keyspace finds expired keys of all partitions and of this namespace only', async () => {
    await fleet.redis.config('SET', 'notify-keyspace-events', '');
    const { first, said } = await detector({ strategy: 'keyspace' });
    await register(await openFleet(redis), 'other', 'lamp');
    for (const id of IDS.slice(0, 20)) await onlineOutsideIndex(id, 50);
    await first(20);
    expect(await storiesOf(fleet, IDS.slice(0, 20))).toEqual(Array(20).fill(ONLINE_THEN_TIMEOUT));
    expect(said).toEqual([]);
  });
});

describe('other programs', () => {
  /** Writes a record and a heartbeat key like a program that knows the partitions but not the index. */
  async function writeUnpublished(id: string): Promise<void> {
    const { keys } = await fleet.partitionFor(id);
    await fleet.redis.hset(keys.state(id), {
      deviceId: id,
      deviceType: 'lamp',
      status: 'online',
      lastSeen: 1,
    });
    await fleet.redis.setex(keys.heartbeat(id), 600, '1');
  }

  test('the audit covers all partitions', async () => {
    for (const id of IDS) {
      await writeUnpublished(id);
      await fleet.redis.sadd((await fleet.partitionFor(id)).keys.registered, id);
    }
    const { events, first } = await detector();
    await first(IDS.length);
    expect(events.every(({ reason }) => reason === 'observed')).toBe(true);
  });

  test('a published heartbeat is settled at once, also outside of the audit', async () => {
    const { events, first } = await detector();
    for (const [i, id] of ODD_IDS.entries()) {
      await writeUnpublished(id);
      const message = { type: 'presence', deviceId: id, status: 'online', timestamp: 1_700_000_000_000 };
      await fleet.redis.publish(fleet.keys.presenceChannel, JSON.stringify(message));
      await first(i + 1);
    }
    expect(events.map(({ deviceId }) => deviceId)).toEqual(ODD_IDS);
  });
});

describe('the hold', () => {
  /** Holds devices of several partitions. @returns the latest end of the holds */
  async function holdAll(ids: readonly string[], ttl: number): Promise<number> {
    let end = 0;
    for (const partition of await fleet.partitions()) {
      const own: string[] = [];
      for (const id of ids) if ((await fleet.partitionFor(id)) === partition) own.push(id);
      if (own.length > 0) end = await hold({ redis: fleet.redis, keys: partition.keys }, own, ttl);
    }
    return end;
  }

  test('of all partitions calls onHold once with the latest end, and onHoldEnd once', async () => {
    await bringOnline(fleet, IDS, () => 60_000);
    const end = await holdAll(IDS, 3000);
    const holds: number[] = [];
    const { said, says, first } = await detector({ onHold: (until) => void holds.push(until) });
    await until(() => holds.length > 0);
    await heartbeat(fleet, { id: 'd0' });
    await says('hold over');
    await first(IDS.length - 1);
    expect(said).toEqual(['hold over']);
    expect(holds).toEqual([end]);
    expect((await storiesOf(fleet, ['d0']))[0]).toEqual(['1 online heartbeat']);
  });

  test('of one partition does not delay the others', async () => {
    await bringOnline(fleet, IDS, () => 20);
    const held = await fleet.partitionFor('d0');
    const isHeld = async (id: string) => (await fleet.partitionFor(id)) === held;
    const heldIds: string[] = [];
    const others: string[] = [];
    for (const id of IDS) ((await isHeld(id)) ? heldIds : others).push(id);
    await holdAll(heldIds, 60_000);
    const { events, says, first } = await detector();
    await first(others.length);
    await says('hold');
    expect(events.map(({ deviceId }) => deviceId).sort()).toEqual(others.sort());
  });

  test('is honoured by a sweep, which calls onHold once', async () => {
    await bringOnline(fleet, IDS, () => 60_000);
    const end = await holdAll(IDS, 60_000);
    const held: number[] = [];
    expect(await allOf(sweep(fleet, { onHold: (until) => void held.push(until) }))).toEqual([]);
    expect(held).toEqual([end]);
    expect(await allOf(sweep(fleet, { honourHold: false }))).toHaveLength(IDS.length);
  });
});

describe('its connections', () => {
  test('are killed: it gives one notice of loss and return, and continues', async () => {
    const { said, says, first } = await detector();
    await fleet.redis.client('KILL', 'TYPE', 'pubsub');
    await fleet.redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await bringOnline(fleet, IDS, () => 50);
    await first(IDS.length);
    await says('resumed');
    expect(said).toEqual(['lost', 'resumed']);
    expect(await storiesOf(fleet, IDS)).toEqual(IDS.map(() => ONLINE_THEN_TIMEOUT));
  });

  test('are denied one partition: it ends with an error', async () => {
    const acl = (...rules: string[]) => fleet.redis.call('ACL', 'SETUSER', 'app', ...rules);
    await acl('reset', 'on', '>pw', '~*', '&*', '+@all');
    const own = await openFleet(redis, fleet.options, {
      ...DETECTOR_CLIENT,
      username: 'app',
      password: 'pw',
    });
    const onReady = () =>
      void acl('resetkeys', '~many:devices:*', ...'0123456789'.split('').map((n) => `~many:{${n}}:*`));
    const run = async () => {
      for await (const _ of detect(own, { onReady }));
    };
    expect(await failure(run())).toMatchObject({
      code: 'CONNECTION',
      message: expect.stringMatching(/^permission refused/),
    });
    own.redis.disconnect();
  });
});

test('announces devices and writes the pulse, while its consumer takes no event', async () => {
  const stop = new AbortController();
  const events = detect(await openFleet(redis, fleet.options), { signal: stop.signal });
  await bringOnline(fleet, IDS, (i) => 100 + 20 * i);
  const firstEvent = await events.next();
  const stories = async () => (await storiesOf(fleet, IDS)).filter(({ length }) => length === 2).length;
  await until(async () => (await stories()) === IDS.length);
  const pulseOf = async () =>
    parsePulse((await fleet.redis.get((await fleet.partitionFor('d0')).keys.pulse)) ?? '')?.step ?? 0;
  const before = await pulseOf();
  await until(async () => (await pulseOf()) > before);
  stop.abort();
  const rest = await allOf(events);
  expect([firstEvent.value, ...rest].map(({ deviceId }) => deviceId).sort()).toEqual([...IDS].sort());
});

test('detectorAtWork is true only if a detector ran in all partitions, and false after its stop', async () => {
  expect(await isDetectorRunning(fleet)).toBe(false);
  const { stop } = await detector();
  await until(() => isDetectorRunning(fleet));
  const stopRequestedAt = performance.now();
  await stop();
  expect(performance.now() - stopRequestedAt).toBeLessThan(1000);
  for (const { keys } of await fleet.partitions())
    expect(parsePulse((await fleet.redis.get(keys.pulse)) ?? '')?.step).toBe(0);
  const now = await serverNow(fleet.redis);
  await setPulses(pulseText({ last: now, step: now }));
  expect(await isDetectorRunning(fleet)).toBe(true);
  await fleet.redis.set(
    (await fleet.partitionFor('d3')).keys.pulse,
    pulseText({ last: now, step: now - 10_000 }),
  );
  expect(await isDetectorRunning(fleet)).toBe(false);
});

test('detect --once prints ids that watch-presence --since accepts', async () => {
  const devstate = cli(redis);
  await expired(IDS);
  const events = (await devstate.run('detect --once -q -n many -o ndjson')).stdout.trimEnd().split('\n');
  expect(events).toHaveLength(IDS.length);
  const { id } = JSON.parse(events[0] as string);
  expect(id).toMatch(/^\d+-\d+@\d+$/);
  const since = await devstate.run(`watch-presence -q -n many --json --since ${id} --count 1 --for 5s`);
  expect([since.exit, JSON.parse(since.stdout)]).toEqual([
    0,
    expect.objectContaining({ status: 'offline', reason: 'timeout' }),
  ]);
});

test('ends with CONFLICT, when the number of partitions changes', async () => {
  await unregisterAll(fleet, IDS);
  const own = await openFleet(redis, fleet.options);
  const changePartitions = async () => {
    await declareFleet(fleet, { partitions: 4 });
    own.invalidateSettings();
  };
  const run = async () => {
    for await (const _ of detect(own, { onReady: () => void changePartitions() }));
  };
  expect(await failure(run())).toMatchObject({ code: 'CONFLICT' });
});
