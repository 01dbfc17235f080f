/** The feed of a fleet with partitions: each event of all logs once, and one position for all logs. */
import { beforeEach, describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';
import { disconnectAll } from '../../../src/core/presence/disconnect.js';
import { presenceFeed } from '../../../src/core/presence/feed.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import type { Gap, Since } from '../../../src/core/presence/log-reader.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { unregisterAll } from '../../../src/core/registry/unregister.js';
import type { Partition } from '../../../src/core/store/partition.js';
import { partitionNumber } from '../../../src/core/store/partition-number.js';

import { cli } from '../../support/cli.js';
import {
  failure,
  logOf,
  openFeed,
  openFleet,
  pretendDetector,
  type SingleFleet,
  until,
} from '../../support/fleet.js';
import { interceptCommands } from '../../support/intercept-commands.js';
import { randomNumbers } from '../../support/random.mjs';
import { useRedis } from '../../support/redis.js';
import { announceRounds, announceUntilStopped } from '../../support/transitions.js';

const redis = useRedis();
const PARTITIONS = 16;
const NAMESPACE = 'many';
const IDS = Array.from({ length: 40 }, (_, i) => `dev:${i}`);
const CLIENT = { maxRetriesPerRequest: 0, retryStrategy: () => 10 };

let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis, { namespace: NAMESPACE });
  await declareFleet(fleet, { partitions: PARTITIONS });
  await registerAll(
    fleet,
    IDS.map((id) => ({ id, type: 'lamp' })),
  );
});

/** The id of an event in its log, without the position in the other logs. */
const logIdOf = ({ id }: PresenceEvent) => (id as string).split('.')[0] as string;
/** The time at which the event was logged, ms. */
const timeOf = (event: PresenceEvent) => Number(logIdOf(event).split('-')[0]);

/** The events of all logs, by the time at which they were logged. */
async function allLogged(): Promise<PresenceEvent[]> {
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

/** Expects each event once, and the events of each log in its order; the order between logs may differ. */
function expectEachOnce(events: readonly PresenceEvent[], all: readonly PresenceEvent[]): void {
  const byPartition = (list: readonly PresenceEvent[]) => {
    const ids = list.map(logIdOf);
    return Array.from({ length: PARTITIONS }, (_, number) => ids.filter((id) => id.endsWith(`@${number}`)));
  };
  expect(byPartition(events)).toEqual(byPartition(all));
}

/** The next `count` events after `since`, or fewer when the feed has caught up. */
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
  test('yields all events of all logs in the order of time, in several chunks', async () => {
    await announceRounds(fleet, IDS, 60);
    const all = await allLogged();
    expect(all.length).toBe(2 * 60 * IDS.length);
    for (const since of [{ time: 0 }, { id: '0-0' }]) {
      const events = await take(since, Number.POSITIVE_INFINITY);
      expect(events.map((event) => ({ ...event, id: logIdOf(event) }))).toEqual(all);
      expect(new Set(events.map(({ id }) => id)).size).toBe(all.length);
    }
    const since = timeOf(all[3000] as PresenceEvent);
    const later = await take({ time: since }, Number.POSITIVE_INFINITY);
    expect(later.map(logIdOf)).toEqual(all.filter((event) => timeOf(event) >= since).map(logIdOf));
  });

  test.each([1, 2, 3])(
    'yields each event once, when stopped and resumed while events are announced (seed %i)',
    async (seed) => {
      const random = randomNumbers(seed);
      await announceRounds(fleet, IDS, 10);
      const writer = announceUntilStopped(fleet, IDS);
      const events: PresenceEvent[] = [];
      let since: Since = { time: 0 };
      const resume = async (count: number) => {
        const taken = await take(since, count);
        events.push(...taken);
        const last = taken.at(-1);
        if (last) since = { id: last.id as string };
        return taken.length;
      };
      for (let stops = 0; stops < 60; stops++) await resume(1 + Math.floor(random() * 80));
      await writer.stop();
      while ((await resume(1 + Math.floor(random() * 500))) > 0);
      expectEachOnce(events, await allLogged());
    },
  );

  test('since the id of any event yields all later events', async () => {
    await announceRounds(fleet, IDS, 3);
    const all = await allLogged();
    const events = await take({ time: 0 }, Number.POSITIVE_INFINITY);
    for (const [i, { id }] of events.entries()) {
      if (i % 7 !== 0) continue;
      const rest = await take({ id: id as string }, Number.POSITIVE_INFINITY);
      expect(rest.map(logIdOf)).toEqual(all.slice(i + 1).map(logIdOf));
    }
  });

  test('since an id without a position yields the events of other logs from the same moment on', async () => {
    await announceRounds(fleet, IDS, 20);
    const all = await allLogged();
    const index = 700;
    const from = all[index] as PresenceEvent;
    const [, partition] = logIdOf(from).split('@');
    const events = await take({ id: logIdOf(from) }, Number.POSITIVE_INFINITY);
    const expected = all.filter((event, i) =>
      logIdOf(event).endsWith(`@${partition}`) ? i > index : timeOf(event) >= timeOf(from),
    );
    expect(events.map(logIdOf)).toEqual(expected.map(logIdOf));
  });

  test.each(['1790000000000-0', '1790000000000-0@16', '1790000000000-0@3.AAAA', 'x'])(
    'is refused since %s, which is no position in this fleet',
    async (id) => {
      expect(await failure(presenceFeed(fleet, { since: { id } }).next())).toMatchObject({
        code: 'USAGE',
        message: `"${id}" is not an event id of a fleet with 16 partitions`,
      });
    },
  );
});

describe('a live feed', () => {
  test('yields later events once, across killed connections', async () => {
    await announceRounds(fleet, IDS, 2);
    const before = await allLogged();
    const reader = await openFleet(redis, { namespace: NAMESPACE }, CLIENT);
    const notices: string[] = [];
    const feed = await openFeed(reader, {
      onLost: () => notices.push('lost'),
      onResumed: () => notices.push('resumed'),
      onGap: () => notices.push('gap'),
    });
    const writer = announceUntilStopped(fleet, IDS);
    for (let kills = 0; kills < 8; kills++) {
      const count = feed.events.length;
      const killed = reader.redis.status === 'ready' ? await reader.redis.client('ID').catch(() => 0) : 0;
      if (kills % 3 !== 0) await fleet.redis.client('KILL', 'TYPE', 'pubsub');
      if (killed > 0) await fleet.redis.client('KILL', 'ID', killed);
      await until(() => feed.events.length > count + 100);
    }
    await writer.stop();
    const all = (await allLogged()).slice(before.length);
    await until(() => feed.events.length >= all.length);
    await feed.stop();
    expectEachOnce(feed.events, all);
    expect(notices.filter((word) => word === 'lost').length).toBeGreaterThan(0);
    for (const [i, word] of notices.entries()) expect(word).toBe(i % 2 === 0 ? 'lost' : 'resumed');
    const half = feed.events[Math.floor(all.length / 2)] as PresenceEvent;
    const rest = await take({ id: half.id as string }, Number.POSITIVE_INFINITY);
    expectEachOnce([...feed.events.slice(0, feed.events.indexOf(half) + 1), ...rest], all);
  });

  test('reads the log of a published event at once, and the other logs once a second', async () => {
    const id = 'dev:1';
    const { keys } = await fleet.partitionFor(id);
    const monitor = await fleet.redis.duplicate().monitor();
    const readKeys: string[] = [];
    monitor.on('monitor', (_time: string, [name, key = '']: string[]) => {
      if (name?.toLowerCase() === 'xrange') readKeys.push(key);
    });
    try {
      const feed = await openFeed(fleet);
      await until(() => readKeys.length >= 2 * PARTITIONS); // at least one poll of all logs has passed
      readKeys.length = 0;
      for (let i = 1; i <= 10; i++) {
        await (i % 2 === 1 ? heartbeats(fleet, [{ id }]) : disconnectAll(fleet, [id]));
        await feed.first(i);
      }
      await feed.stop();
      const others = readKeys.filter((key) => key !== keys.log);
      expect(readKeys.length - others.length).toBeGreaterThanOrEqual(10);
      expect(others.length).toBeLessThanOrEqual(2 * PARTITIONS); // those of one second, or of two on a slow machine
    } finally {
      monitor.disconnect();
    }
  });

  test('yields the events of other logs while one cannot be read, and then all of that log', async () => {
    const reader = await openFleet(redis, { namespace: NAMESPACE, requestTimeout: 1500 });
    const { keys } = await reader.partitionFor('dev:1');
    const notices: string[] = [];
    const feed = await openFeed(reader, {
      onLost: ({ message }) => notices.push(message),
      onResumed: () => notices.push('resumed'),
    });
    const stop = interceptCommands(reader.redis, ([name, key], send) =>
      name === 'xrange' && key === keys.log ? new Promise(() => {}) : send(),
    );
    await announceRounds(fleet, IDS, 1);
    const number = partitionNumber('dev:1', PARTITIONS);
    const others = (await allLogged()).filter((event) => !logIdOf(event).endsWith(`@${number}`));
    await feed.first(others.length);
    for (let round = 1; round <= 20; round++) {
      const asked = performance.now();
      await heartbeats(fleet, [{ id: 'dev:2' }]);
      await disconnectAll(fleet, ['dev:2']);
      await feed.first(others.length + 2 * round);
      if (round > 1) expect(performance.now() - asked).toBeLessThan(1000); // the unreadable log delays no other event
    }
    stop();
    const all = await allLogged();
    await feed.first(all.length);
    await until(() => notices.length === 2);
    await feed.stop();
    expectEachOnce(feed.events, all);
    expect(notices).toEqual(['timed out', 'resumed']);
    const last = feed.events.at(-1)?.id as string;
    expect(await take({ id: last }, Number.POSITIVE_INFINITY)).toEqual([]);
  });

  test('yields events of other programs with the type in the record', async () => {
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

  test('ends with CONFLICT, when the number of partitions changes', async () => {
    await unregisterAll(fleet, IDS);
    const reader = await openFleet(redis, { namespace: NAMESPACE });
    const changePartitions = async () => {
      await declareFleet(fleet, { partitions: 4 });
      reader.invalidateSettings();
    };
    const run = async () => {
      for await (const _ of presenceFeed(reader, { onReady: () => void changePartitions() }));
    };
    expect(await failure(run())).toMatchObject({
      code: 'CONFLICT',
      message: 'the number of partitions was changed: it is 4, not 16',
    });
  });
});

test('reports a gap for each trimmed log, and for no other', async () => {
  await announceRounds(fleet, IDS, 20);
  const all = await allLogged();
  const events = await take({ time: 0 }, 100);
  const { id } = events.at(-1) as PresenceEvent;
  const partitions = await fleet.partitions();
  const expectedGaps: Gap[] = [];
  for (const number of [partitionNumber('dev:1', PARTITIONS), partitionNumber('dev:2', PARTITIONS)]) {
    const { keys } = partitions[number] as Partition;
    await fleet.redis.xtrim(keys.log, 'MAXLEN', 5);
    const ofThis = (list: readonly PresenceEvent[]) =>
      list.filter((event) => logIdOf(event).endsWith(`@${number}`));
    const after = logIdOf(ofThis(events).at(-1) as PresenceEvent);
    expectedGaps.push({ after, before: ofThis(all).at(-5)?.id as string });
  }
  const gaps: Gap[] = [];
  const feed = await openFeed(fleet, { since: { id: id as string }, onGap: (gap) => void gaps.push(gap) });
  await feed.stop();
  const inOrder = (list: readonly Gap[]) => [...list].sort((a, b) => (`${a.after}` < `${b.after}` ? -1 : 1));
  expect(inOrder(gaps)).toEqual(inOrder(expectedGaps));
  const left = new Set((await allLogged()).map(logIdOf));
  expect(feed.events.map(logIdOf)).toEqual(
    all
      .slice(100)
      .map(logIdOf)
      .filter((each) => left.has(each)),
  );
});

describe('watch-presence', () => {
  const devstate = cli(redis);

  test('prints positions, and continues after one with --since', async () => {
    for (const partition of await fleet.partitions()) await pretendDetector(partition);
    await announceRounds(fleet, IDS, 2);
    const all = await allLogged();
    const watch = (options: string) => devstate.run(`watch-presence -q -n ${NAMESPACE} --json ${options}`);
    const first = (await watch('--since 1h --count 50')).stdout.trimEnd().split('\n');
    const { id } = JSON.parse(first.at(-1) as string);
    const rest = (await watch(`--since ${id} --count ${all.length - 50}`)).stdout.trimEnd().split('\n');
    const ids = [...first, ...rest].map((line) => logIdOf(JSON.parse(line)));
    expect(ids).toEqual(all.map(({ id: each }) => each));
  });

  test('refuses a position of another fleet with exit code 2', async () => {
    const { exit, stderr } = await devstate.run(`watch-presence -q -n ${NAMESPACE} --since 1790000000000-0`);
    expect([exit, stderr.split('\n')[0]]).toEqual([
      2,
      'devstate: "1790000000000-0" is not an event id of a fleet with 16 partitions',
    ]);
  });
});
