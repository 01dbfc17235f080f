/** Detector, sweep and feed start and run while some partitions are unreachable. */
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { detect } from '../../../src/core/detection/detector.js';
import { isDetectorRunning } from '../../../src/core/detection/detector-running.js';
import { sweep } from '../../../src/core/detection/sweep.js';
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';
import { disconnectAll } from '../../../src/core/presence/disconnect.js';
import { presenceFeed } from '../../../src/core/presence/feed.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import type { Partition } from '../../../src/core/store/partition.js';
import { partitionNumber } from '../../../src/core/store/partition-number.js';

import { openDetector } from '../../support/detector.js';
import {
  allOf,
  failure,
  logOf,
  numberedIds,
  openFeed,
  openFleet,
  pretendDetector,
  type SingleFleet,
  serverNow,
  until,
} from '../../support/fleet.js';
import { interceptCommands } from '../../support/intercept-commands.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const PARTITIONS = 16;
const ALL_PARTITIONS = Array.from({ length: PARTITIONS }, (_, number) => number);
const IDS = numberedIds(100);
/** A request timeout longer than any test. */
const NEVER_MS = 60_000;

/** Writes events; all its partitions are reachable. */
let writer: SingleFleet;
/** The fleet under test; `makeUnreachable` blocks some of its partitions. */
let fleet: SingleFleet;
let parts: readonly Partition[];
beforeEach(async () => {
  writer = await openFleet(redis, { namespace: 'many' });
  await declareFleet(writer, { partitions: PARTITIONS });
  await registerAll(
    writer,
    IDS.map((id) => ({ id, type: 'lamp' })),
  );
  fleet = await openFleet(redis, { namespace: 'many', requestTimeout: NEVER_MS });
  parts = await fleet.partitions();
});

const refused = () => Promise.reject(new Error('MASTERDOWN Link with MASTER is down'));
const unanswered = () => new Promise<never>(() => {});

/** Makes these partitions of `fleet` answer with `answer`. Returns a function that makes them reachable again. */
function makeUnreachable(numbers: readonly number[], answer: () => Promise<never>): () => void {
  const isUnreachable = (words: readonly unknown[]) =>
    words.some((word) => numbers.some((number) => String(word).startsWith(`many:{${number}}:`)));
  const stop = interceptCommands(fleet.redis, (words, send) => (isUnreachable(words) ? answer() : send()));
  const reading = numbers.map((number) =>
    vi.spyOn(parts[number] as Partition, 'pipeline').mockImplementation(() => fleet.send(answer)),
  );
  return () => {
    stop();
    for (const spy of reading) spy.mockRestore();
  };
}

const idsOf = (events: readonly PresenceEvent[]) => events.map(({ deviceId }) => deviceId).sort();
const idsOutside = (unreachable: readonly number[]) =>
  IDS.filter((id) => !unreachable.includes(partitionNumber(id, PARTITIONS))).sort();

/** Sends heartbeats of all devices, and waits until they have expired. */
async function expireAll(): Promise<void> {
  await heartbeats(
    writer,
    IDS.map((id) => ({ id, ttl: 20 })),
  );
  const now = await serverNow(writer.redis);
  await until(async () => (await serverNow(writer.redis)) > now + 20);
}

describe('a sweep', () => {
  test('settles the reachable partitions, and then fails', async () => {
    await expireAll();
    makeUnreachable([0, 7], refused);
    const swept: PresenceEvent[] = [];
    const run = async () => {
      for await (const event of sweep(fleet)) swept.push(event);
    };
    expect(await failure(run())).toMatchObject({
      code: 'CONNECTION',
      message: 'this replica has lost its master',
    });
    expect(idsOf(swept)).toEqual(idsOutside([0, 7]));
    expect(await allOf(sweep(writer))).toHaveLength(IDS.length - swept.length);
  });
});

describe('a new detector', () => {
  test('runs in the reachable partitions, and in the others once they are reachable', async () => {
    await expireAll();
    const makeReachable = makeUnreachable([0, 7], refused);
    const { events, said, first, says, stop } = await openDetector(fleet);
    onTestFinished(stop);
    expect(said).toEqual(['lost']);
    const others = idsOutside([0, 7]);
    await first(others.length);
    expect(idsOf(events)).toEqual(others);
    makeReachable();
    await first(IDS.length);
    await says('resumed');
    expect([idsOf(events), said]).toEqual([[...IDS].sort(), ['lost', 'resumed']]);
  });

  test('fails without notices, when no partition is reachable', async () => {
    makeUnreachable(ALL_PARTITIONS, refused);
    const said: string[] = [];
    const run = detect(fleet, { onReady: () => said.push('ready'), onLost: () => said.push('lost') });
    expect(await failure(run.next())).toMatchObject({
      code: 'CONNECTION',
      message: 'this replica has lost its master',
    });
    expect(said).toEqual([]);
  });

  test('is found by detectorAtWork in the partitions that answer', async () => {
    for (const partition of await writer.partitions()) await pretendDetector(partition);
    makeUnreachable([0, 7], refused);
    expect(await isDetectorRunning(fleet)).toBe(true);
    makeUnreachable(ALL_PARTITIONS, refused);
    expect(await failure(isDetectorRunning(fleet))).toMatchObject({ code: 'CONNECTION' });
  });
});

describe('a feed', () => {
  /** Half of the partitions, more than are read concurrently. */
  const HALF = ALL_PARTITIONS.slice(PARTITIONS / 2);

  async function announceAll(): Promise<void> {
    await heartbeats(
      writer,
      IDS.map((id) => ({ id })),
    );
    await disconnectAll(writer, IDS);
  }

  async function countLogged(): Promise<number> {
    const logs = await Promise.all((await writer.partitions()).map((partition) => logOf(partition)));
    return logs.flat().length;
  }

  test('yields events of the others within 5 s, when half of the partitions stop answering', async () => {
    const feed = await openFeed(fleet);
    makeUnreachable(HALF, unanswered);
    await announceAll();
    const others = idsOutside(HALF);
    await feed.first(2 * others.length);
    const startedAt = performance.now();
    for (let i = 1; i <= 10; i++) {
      await heartbeats(writer, [{ id: others[i] as string }]);
      await feed.first(2 * others.length + i);
    }
    expect(performance.now() - startedAt).toBeLessThan(5000);
    await feed.stop();
  });

  test('yields events of another partition within 5 s, after an event of one that does not answer', async () => {
    const feed = await openFeed(fleet);
    makeUnreachable(HALF, unanswered);
    const [unreachableId, other] = [IDS.find((id) => !idsOutside(HALF).includes(id)), idsOutside(HALF)[0]];
    const startedAt = performance.now();
    await heartbeats(writer, [{ id: unreachableId as string }]);
    await heartbeats(writer, [{ id: other as string }]);
    expect(await feed.first(1)).toMatchObject([{ deviceId: other }]);
    expect(performance.now() - startedAt).toBeLessThan(5000);
    await feed.stop();
  });

  test.each([
    ['refused', refused],
    ['unanswered', unanswered],
  ])('started while some are %s yields all later events and no earlier ones', async (_what, answer) => {
    await announceAll();
    const before = await countLogged();
    const said: string[] = [];
    fleet = await openFleet(redis, { namespace: 'many', requestTimeout: 1500 });
    parts = await fleet.partitions();
    const makeReachable = makeUnreachable(HALF, answer);
    const feed = await openFeed(fleet, {
      onLost: () => said.push('lost'),
      onResumed: () => said.push('resumed'),
    });
    expect(said).toEqual(['lost']);
    await announceAll();
    await feed.first(2 * idsOutside(HALF).length);
    makeReachable();
    await feed.first(2 * IDS.length);
    await until(() => said.length === 2);
    await feed.stop();
    expect(feed.events).toHaveLength((await countLogged()) - before);
    expect(new Set(feed.events.map(({ id }) => id?.split('.')[0])).size).toBe(2 * IDS.length);
    expect(said).toEqual(['lost', 'resumed']);
  });

  test('replaying while some are refused yields their events once they are reachable', async () => {
    await announceAll();
    const makeReachable = makeUnreachable(HALF, refused);
    const feed = await openFeed(fleet, { since: { time: 0 } });
    expect(idsOf(feed.events)).toEqual(idsOutside(HALF).flatMap((id) => [id, id]));
    makeReachable();
    await feed.first(2 * IDS.length);
    await feed.stop();
  });

  test('fails, when no partition is reachable', async () => {
    makeUnreachable(ALL_PARTITIONS, refused);
    for (const options of [{}, { since: { time: 0 } }])
      expect(await failure(presenceFeed(fleet, options).next())).toMatchObject({
        code: 'CONNECTION',
        message: 'this replica has lost its master',
      });
  });
});
