/** Gaps: events that were trimmed from the log before a feed read them are reported by onGap, and no others. */
import { describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import type { Gap, Since } from '../../../src/core/presence/log-reader.js';
import { MergedLog } from '../../../src/core/presence/merged-log.js';
import { register } from '../../../src/core/registry/register.js';
import type { Partition } from '../../../src/core/store/partition.js';
import { cli } from '../../support/cli.js';
import { logOf, openFeed, openFleet, type SingleFleet, serverNow, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';
import { announceRounds } from '../../support/transitions.js';

const redis = useRedis();
const IDS = ['d1', 'd2', 'd3'];

const idsOf = (events: readonly PresenceEvent[]) => events.map(({ id }) => id);
const timeOf = (id: string | null) => Number(id?.split('-')[0]);

async function openWithDevices(): Promise<SingleFleet> {
  const fleet = await openFleet(redis);
  for (const id of IDS) await register(fleet, id, 'lamp');
  return fleet;
}

async function trim({ redis, keys }: Pick<Partition, 'redis' | 'keys'>, length: number): Promise<void> {
  await redis.xtrim(keys.log, 'MAXLEN', length);
}

async function* readAll(logs: MergedLog) {
  do {
    expect(await logs.readNew()).toEqual([]);
    yield* logs.events();
  } while (logs.hasMore);
}

/** A reader of the log that reads when `read` is called. */
async function reader(fleet: SingleFleet, since?: Since) {
  const gaps: Gap[] = [];
  const logs = new MergedLog(await fleet.partitions(), (gap) => void gaps.push(gap));
  await logs.open(since);
  return {
    gaps,
    async read() {
      const ids: (string | null)[] = [];
      logs.markChanged();
      for await (const { id } of readAll(logs)) ids.push(id);
      return ids;
    },
  };
}

describe('after the log was trimmed', () => {
  test.each([
    ['an id', (event: PresenceEvent): Since => ({ id: event.id as string })],
    ['a moment', (event: PresenceEvent): Since => ({ time: timeOf(event.id) })],
  ])('since %s that was trimmed: reports the gap, and yields the rest', async (_what, sinceOf) => {
    const fleet = await openWithDevices();
    await announceRounds(fleet, IDS, 10);
    const log = await logOf(fleet);
    const since = sinceOf(log[10] as PresenceEvent);
    await until(async () => (await serverNow(fleet.redis)) > timeOf(log.at(-1)?.id as string));
    await trim(fleet, 6);
    await announceRounds(fleet, IDS, 1);
    const gaps: Gap[] = [];
    const feed = await openFeed(fleet, { since, onGap: (gap) => void gaps.push(gap) });
    await feed.stop();
    const left = await logOf(fleet);
    expect(left).toHaveLength(12);
    expect(idsOf(feed.events)).toEqual(idsOf(left));
    expect(gaps).toEqual([{ after: 'id' in since ? since.id : since.time, before: left[0]?.id }]);
  });

  test.each([
    ['in the log', 9],
    ['of the oldest event', 6],
    ['of the newest event', 11],
  ])('since an id %s: reports no gap', async (_what, index) => {
    const fleet = await openWithDevices();
    await announceRounds(fleet, IDS, 2);
    const log = await logOf(fleet);
    await trim(fleet, 6);
    const feed = await openFeed(fleet, {
      since: { id: log[index]?.id as string },
      onGap: () => expect.unreachable(),
    });
    await feed.stop();
    expect(idsOf(feed.events)).toEqual(idsOf(log.slice(index + 1)));
  });

  test('since before the first event of an untrimmed log: reports no gap', async () => {
    const fleet = await openWithDevices();
    await announceRounds(fleet, IDS, 2);
    for (const since of [{ id: '0-0' }, { time: 1 }]) {
      const feed = await openFeed(fleet, { since, onGap: () => expect.unreachable() });
      await feed.stop();
      expect(feed.events).toHaveLength(12);
    }
  });

  test('reports one gap to a live reader that fell behind', async () => {
    const fleet = await openWithDevices();
    await announceRounds(fleet, IDS, 1);
    const { gaps, read } = await reader(fleet);
    await announceRounds(fleet, IDS, 1);
    const seen = await read();
    await announceRounds(fleet, IDS, 10);
    await trim(fleet, 12);
    const left = idsOf(await logOf(fleet));
    expect(await read()).toEqual(left);
    expect(gaps).toEqual([{ after: seen.at(-1), before: left[0] }]);
    await announceRounds(fleet, IDS, 1);
    expect(await read()).toHaveLength(6);
    expect(await read()).toEqual([]);
    expect(gaps).toHaveLength(1);
  });

  test('reports the gap to a reader that has not read anything yet', async () => {
    const fleet = await openWithDevices();
    const now = await serverNow(fleet.redis);
    const [empty, later] = [await reader(fleet), await reader(fleet, { time: now })];
    await announceRounds(fleet, IDS, 10);
    await trim(fleet, 12);
    const left = idsOf(await logOf(fleet));
    for (const { gaps, read } of [empty, later]) {
      expect(await read()).toEqual(left);
      expect(gaps).toEqual([{ after: expect.any(Number), before: left[0] }]);
    }
  });

  test('reports exactly the events that a reader missed, when the log is trimmed while it reads', async () => {
    const fleet = await openWithDevices();
    await announceRounds(fleet, IDS, 1000);
    const log = idsOf(await logOf(fleet)) as string[];
    const gaps: Gap[] = [];
    const reading = new MergedLog(await fleet.partitions(), (gap) => void gaps.push(gap));
    await reading.open({ time: 0 });
    const seen: string[] = [];
    for await (const { id } of readAll(reading)) {
      seen.push(id as string);
      if (seen.length === 1500) await trim(fleet, 2500);
      if (seen.length === 2600) await trim(fleet, 600);
    }
    const missed = log.filter((id) => !seen.includes(id));
    expect(seen).toEqual(log.filter((id) => !missed.includes(id)));
    const reported = gaps.flatMap(({ after, before }) =>
      log.slice(log.indexOf(after as string) + 1, log.indexOf(before as string)),
    );
    expect(missed.length).toBeGreaterThan(1000);
    expect(reported).toEqual(missed);
  });
});

describe('after the log was deleted', () => {
  /** Waits for the server's next millisecond: an id that a new log gives in this one may equal an id of the old log. */
  async function deleteLog(fleet: SingleFleet): Promise<void> {
    await fleet.redis.del(fleet.keys.log);
    const deletedAt = await serverNow(fleet.redis);
    await until(async () => (await serverNow(fleet.redis)) > deletedAt);
  }

  async function recreateLog(fleet: SingleFleet): Promise<PresenceEvent[]> {
    await deleteLog(fleet);
    await announceRounds(fleet, IDS, 1);
    return logOf(fleet);
  }

  test('and recreated: reports a gap to a live reader', async () => {
    const fleet = await openWithDevices();
    await announceRounds(fleet, IDS, 1);
    const { gaps, read } = await reader(fleet);
    const last = (await logOf(fleet)).at(-1)?.id;
    await announceRounds(fleet, IDS, 1);
    const log = await recreateLog(fleet);
    expect(await read()).toEqual(idsOf(log));
    expect(gaps).toEqual([{ after: last, before: log[0]?.id }]);
  });

  test('and recreated: reports a gap since an event of the old log', async () => {
    const fleet = await openWithDevices();
    await announceRounds(fleet, IDS, 1);
    const id = (await logOf(fleet))[2]?.id as string;
    const log = await recreateLog(fleet);
    const { gaps, read } = await reader(fleet, { id });
    expect(await read()).toEqual(idsOf(log));
    expect(gaps).toEqual([{ after: id, before: log[0]?.id }]);
  });

  test('reports one gap, and yields later events', async () => {
    const fleet = await openWithDevices();
    await announceRounds(fleet, IDS, 1);
    const { gaps, read } = await reader(fleet);
    const last = (await logOf(fleet)).at(-1)?.id;
    await deleteLog(fleet);
    for (let i = 0; i < 3; i++) expect(await read()).toEqual([]);
    await announceRounds(fleet, IDS, 1);
    expect(await read()).toHaveLength(6);
    expect(gaps).toEqual([{ after: last, before: null }]);
  });
});

test('watch-presence prints one line for the gaps of several partitions', async () => {
  const fleet = await openFleet(redis);
  await declareFleet(fleet, { partitions: 4 });
  for (let i = 0; i < 40; i++) await register(fleet, `d${i}`, 'lamp');
  await heartbeats(
    fleet,
    Array.from({ length: 40 }, (_, i) => ({ id: `d${i}` })),
  );
  const partitions = await fleet.partitions();
  for (const partition of partitions) await trim(partition, 1);
  const left = (await Promise.all(partitions.map((partition) => logOf(partition)))).flat();
  const latest = Math.max(...left.map(({ id }) => timeOf(id)));
  const { stderr } = await cli(redis).run('watch-presence --since 2025-01-01T10:00Z --count 4 -o name');
  expect(stderr.split('\n').filter((line) => line.includes('missing'))).toEqual([
    expect.stringMatching(
      `the logs of 4 partitions do not reach back that far: events between 2025-01-01T10:00:00.000Z and event ${latest}-`,
    ),
  ]);
});
