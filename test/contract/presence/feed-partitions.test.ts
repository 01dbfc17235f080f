/** The feed of a fleet in partitions: each event once, from whichever log, and one position in all of them. */
import { beforeEach, describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import type { PresenceEvent } from '../../../src/core/model/device.js';
import { presenceFeed } from '../../../src/core/presence/feed.js';
import { disconnectAll, heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import type { Gap, Since } from '../../../src/core/presence/log-reader.js';
import { registerAll, unregisterAll } from '../../../src/core/registry/register.js';
import { partitionOf } from '../../../src/core/store/by-partition.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { cli } from '../../support/cli.js';
import { failure, logOf, openFeed, openFleet, pretendDetector, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const PARTITIONS = 16;
const NAMESPACE = 'many';
const IDS = Array.from({ length: 40 }, (_, i) => `dev:${i}`);
const CLIENT = { maxRetriesPerRequest: 0, retryStrategy: () => 10 };

let fleet: Fleet;
beforeEach(async () => {
  fleet = await openFleet(redis, { namespace: NAMESPACE });
  await declareFleet(fleet, { partitions: PARTITIONS });
  await registerAll(
    fleet,
    IDS.map((id) => ({ id, type: 'lamp' })),
  );
});

/** Each device comes and goes, so many times. */
async function transitions(rounds: number, ids: readonly string[] = IDS): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await heartbeats(
      fleet,
      ids.map((id) => ({ id })),
    );
    await disconnectAll(fleet, ids);
  }
}

/** Transitions until it is stopped. */
function writing(): { stop(): Promise<void> } {
  let stopped = false;
  const run = async () => {
    while (!stopped) await transitions(1);
  };
  const running = run();
  return {
    async stop() {
      stopped = true;
      await running;
    },
  };
}

/** An event's id without the reader's position. */
const own = ({ id }: PresenceEvent) => (id as string).split('.')[0] as string;
/** When it was logged, ms. */
const timeOf = (event: PresenceEvent) => Number(own(event).split('-')[0]);

/** What all logs hold, by when it was logged. */
async function logged(): Promise<PresenceEvent[]> {
  const partitions = await fleet.partitions();
  const logs = await Promise.all(partitions.map((partition) => logOf(partition)));
  const events = logs.flatMap((log, number) =>
    log.map((event) => ({ ...event, id: `${event.id}@${number}` })),
  );
  const key = ({ id }: PresenceEvent) => (id as string).split(/[-@]/).map(Number) as [number, number, number];
  return events.sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    return x[0] - y[0] || x[1] - y[1] || x[2] - y[2];
  });
}

/** Whatever the order of the logs among each other: each once, and each log in its order. */
function expectEachOnce(events: readonly PresenceEvent[], all: readonly PresenceEvent[]): void {
  const byPartition = (list: readonly PresenceEvent[]) => {
    const ids = list.map(own);
    return Array.from({ length: PARTITIONS }, (_, number) => ids.filter((id) => id.endsWith(`@${number}`)));
  };
  expect(byPartition(events)).toEqual(byPartition(all));
}

/** The same for the same seed: whole numbers below a limit. */
function below(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** So many events from there on; fewer, where the feed has caught up. */
async function take(since: Since, count: number): Promise<PresenceEvent[]> {
  const stop = new AbortController();
  const events: PresenceEvent[] = [];
  const options = { since, signal: stop.signal, onReady: () => stop.abort() };
  for await (const event of presenceFeed(fleet, options)) {
    events.push(event);
    if (events.length === count) break;
  }
  return events;
}

describe('a replay', () => {
  test('comes by when it was logged, all of all logs, more than is read at once', async () => {
    await transitions(60);
    const all = await logged();
    expect(all.length).toBe(2 * 60 * IDS.length);
    for (const since of [{ time: 0 }, { id: '0-0' }]) {
      const events = await take(since, Number.POSITIVE_INFINITY);
      expect(events.map((event) => ({ ...event, id: own(event) }))).toEqual(all);
      expect(new Set(events.map(({ id }) => id)).size).toBe(all.length);
    }
    const since = timeOf(all[3000] as PresenceEvent);
    const later = await take({ time: since }, Number.POSITIVE_INFINITY);
    expect(later.map(own)).toEqual(all.filter((event) => timeOf(event) >= since).map(own));
  });

  test.each([1, 2, 3])(
    'stopped and resumed at any event, while others come: each once (seed %i)',
    async (seed) => {
      const roll = below(seed);
      await transitions(10);
      const writer = writing();
      const events: PresenceEvent[] = [];
      let since: Since = { time: 0 };
      const resume = async (count: number) => {
        const taken = await take(since, count);
        events.push(...taken);
        const last = taken.at(-1);
        if (last) since = { id: last.id as string };
        return taken.length;
      };
      for (let stops = 0; stops < 60; stops++) await resume(1 + roll(80));
      await writer.stop();
      while ((await resume(1 + roll(500))) > 0);
      expectEachOnce(events, await logged());
    },
  );

  test('each event’s id leads to all that come after it', async () => {
    await transitions(3);
    const all = await logged();
    const events = await take({ time: 0 }, Number.POSITIVE_INFINITY);
    for (const [i, { id }] of events.entries()) {
      if (i % 7 !== 0) continue;
      const rest = await take({ id: id as string }, Number.POSITIVE_INFINITY);
      expect(rest.map(own)).toEqual(all.slice(i + 1).map(own));
    }
  });

  test('from an id as who announced it knows it: its moment', async () => {
    await transitions(20);
    const all = await logged();
    const place = 700;
    const from = all[place] as PresenceEvent;
    const [, partition] = own(from).split('@');
    const events = await take({ id: own(from) }, Number.POSITIVE_INFINITY);
    const expected = all.filter((event, i) =>
      own(event).endsWith(`@${partition}`) ? i > place : timeOf(event) >= timeOf(from),
    );
    expect(events.map(own)).toEqual(expected.map(own));
  });

  test.each(['1790000000000-0', '1790000000000-0@16', '1790000000000-0@3.AAAA', 'x'])(
    'from %s: refused, for it is no position in this fleet',
    async (id) => {
      expect(await failure(presenceFeed(fleet, { since: { id } }).next())).toMatchObject({
        code: 'USAGE',
        message: `"${id}" is no event's id of a fleet in 16 partitions`,
      });
    },
  );
});

describe('live', () => {
  test('nothing of before, all of after, across connections that are killed', async () => {
    await transitions(2);
    const before = await logged();
    const reader = await openFleet(redis, { namespace: NAMESPACE }, CLIENT);
    const said: string[] = [];
    const feed = await openFeed(reader, {
      onLost: () => said.push('lost'),
      onResumed: () => said.push('resumed'),
      onGap: () => said.push('gap'),
    });
    const writer = writing();
    for (let kills = 0; kills < 8; kills++) {
      const count = feed.events.length;
      const killed = reader.redis.status === 'ready' ? await reader.redis.client('ID').catch(() => 0) : 0;
      if (kills % 3 !== 0) await fleet.redis.client('KILL', 'TYPE', 'pubsub');
      if (killed > 0) await fleet.redis.client('KILL', 'ID', killed);
      await until(() => feed.events.length > count + 100);
    }
    await writer.stop();
    const all = (await logged()).slice(before.length);
    await until(() => feed.events.length >= all.length);
    await feed.stop();
    expectEachOnce(feed.events, all);
    expect(said.filter((word) => word === 'lost').length).toBeGreaterThan(0);
    for (const [i, word] of said.entries()) expect(word).toBe(i % 2 === 0 ? 'lost' : 'resumed');
    const half = feed.events[Math.floor(all.length / 2)] as PresenceEvent;
    const rest = await take({ id: half.id as string }, Number.POSITIVE_INFINITY);
    expectEachOnce([...feed.events.slice(0, feed.events.indexOf(half) + 1), ...rest], all);
  });

  test('a message leads to its device’s log, the others are looked into once a second', async () => {
    const id = 'dev:1';
    const { keys } = await fleet.of(id);
    const monitor = await fleet.redis.duplicate().monitor();
    const looks: string[] = [];
    monitor.on('monitor', (_time: string, [name, key = '']: string[]) => {
      if (name?.toLowerCase() === 'xrange') looks.push(key);
    });
    try {
      const feed = await openFeed(fleet);
      await until(() => looks.length >= 2 * PARTITIONS); // a whole second has passed
      looks.length = 0;
      for (let i = 1; i <= 10; i++) {
        await (i % 2 === 1 ? heartbeats(fleet, [{ id }]) : disconnectAll(fleet, [id]));
        await feed.first(i);
      }
      await feed.stop();
      const others = looks.filter((key) => key !== keys.log);
      expect(looks.length - others.length).toBeGreaterThanOrEqual(10);
      expect(others.length).toBeLessThanOrEqual(2 * PARTITIONS); // one second's, or two on a slow machine
    } finally {
      monitor.disconnect();
    }
  });

  test('a log that cannot be read: said once each, the others go on, and nothing of it is missing', async () => {
    const reader = await openFleet(redis, { namespace: NAMESPACE, requestTimeout: 1500 });
    const { keys } = await reader.of('dev:1');
    const said: string[] = [];
    const feed = await openFeed(reader, {
      onLost: ({ message }) => said.push(message),
      onResumed: () => said.push('resumed'),
    });
    const xrange = reader.redis.xrange.bind(reader.redis) as (
      key: string,
      ...args: unknown[]
    ) => Promise<unknown>;
    Object.assign(reader.redis, {
      xrange: (key: string, ...args: unknown[]) =>
        key === keys.log ? new Promise(() => {}) : xrange(key, ...args),
    });
    await transitions(1);
    const number = partitionOf('dev:1', PARTITIONS);
    const others = (await logged()).filter((event) => !own(event).endsWith(`@${number}`));
    await feed.first(others.length);
    for (let round = 1; round <= 20; round++) {
      const asked = performance.now();
      await heartbeats(fleet, [{ id: 'dev:2' }]);
      await disconnectAll(fleet, ['dev:2']);
      await feed.first(others.length + 2 * round);
      if (round > 1) expect(performance.now() - asked).toBeLessThan(1000); // it is not waited for
    }
    Object.assign(reader.redis, { xrange });
    const all = await logged();
    await feed.first(all.length);
    await until(() => said.length === 2);
    await feed.stop();
    expectEachOnce(feed.events, all);
    expect(said).toEqual(['timed out', 'resumed']);
    const last = feed.events.at(-1)?.id as string;
    expect(await take({ id: last }, Number.POSITIVE_INFINITY)).toEqual([]);
  });

  test('other programs’ events, with the type of the record', async () => {
    const feed = await openFeed(fleet);
    await fleet.redis.publish(
      fleet.keys.presenceChannel,
      '{"type":"presence","deviceId":"dev:5","status":"online","timestamp":1700000000000}',
    );
    await heartbeat(fleet, { id: 'dev:6' });
    await feed.first(2);
    await feed.stop();
    expect(feed.events.find(({ id }) => id === null)).toMatchObject({
      deviceId: 'dev:5',
      deviceType: 'lamp',
    });
    expect(feed.events.find(({ id }) => id !== null)).toMatchObject({ deviceId: 'dev:6', seq: 1 });
  });

  test('a fleet that is cut anew meanwhile: it ends, and says so', async () => {
    await unregisterAll(fleet, IDS);
    const reader = await openFleet(redis, { namespace: NAMESPACE });
    const cut = async () => {
      await declareFleet(fleet, { partitions: 4 });
      reader.forgetSettings();
    };
    const run = async () => {
      for await (const _ of presenceFeed(reader, { onReady: () => void cut() }));
    };
    expect(await failure(run())).toMatchObject({
      code: 'CONFLICT',
      message: 'the fleet was cut anew meanwhile: partitions 4, not 16',
    });
  });
});

test('logs that were trimmed: named for each that lost something, and for no other', async () => {
  await transitions(20);
  const all = await logged();
  const events = await take({ time: 0 }, 100);
  const { id } = events.at(-1) as PresenceEvent;
  const partitions = await fleet.partitions();
  const named: Gap[] = [];
  for (const number of [partitionOf('dev:1', PARTITIONS), partitionOf('dev:2', PARTITIONS)]) {
    const { keys } = partitions[number] as Fleet;
    await fleet.redis.xtrim(keys.log, 'MAXLEN', 5);
    const ofThis = (list: readonly PresenceEvent[]) =>
      list.filter((event) => own(event).endsWith(`@${number}`));
    const after = own(ofThis(events).at(-1) as PresenceEvent);
    named.push({ after, before: ofThis(all).at(-5)?.id as string });
  }
  const gaps: Gap[] = [];
  const feed = await openFeed(fleet, { since: { id: id as string }, onGap: (gap) => void gaps.push(gap) });
  await feed.stop();
  const inOrder = (list: readonly Gap[]) => [...list].sort((a, b) => (`${a.after}` < `${b.after}` ? -1 : 1));
  expect(inOrder(gaps)).toEqual(inOrder(named));
  const left = new Set((await logged()).map(own));
  expect(feed.events.map(own)).toEqual(
    all
      .slice(100)
      .map(own)
      .filter((each) => left.has(each)),
  );
});

describe('watch-presence', () => {
  const devstate = cli(redis);

  test('prints positions, and goes on after one', async () => {
    for (const partition of await fleet.partitions()) await pretendDetector(partition);
    await transitions(2);
    const all = await logged();
    const watch = (options: string) => devstate.run(`watch-presence -q -n ${NAMESPACE} --json ${options}`);
    const first = (await watch('--since 1h --count 50')).stdout.trimEnd().split('\n');
    const { id } = JSON.parse(first.at(-1) as string);
    const rest = (await watch(`--since ${id} --count ${all.length - 50}`)).stdout.trimEnd().split('\n');
    const ids = [...first, ...rest].map((line) => own(JSON.parse(line)));
    expect(ids).toEqual(all.map(({ id: each }) => each));
  });

  test('a position of another fleet is refused: exit 2', async () => {
    const { exit, stderr } = await devstate.run(`watch-presence -q -n ${NAMESPACE} --since 1790000000000-0`);
    expect([exit, stderr.split('\n')[0]]).toEqual([
      2,
      'devstate: "1790000000000-0" is no event\'s id of a fleet in 16 partitions',
    ]);
  });
});
