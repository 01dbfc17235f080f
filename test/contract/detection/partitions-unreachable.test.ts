/** Detector, sweep and feed while a part of the fleet is out of reach: the rest goes on, and may begin. */
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { detect, detectorAtWork, sweep } from '../../../src/core/detection/detector.js';
import type { PresenceEvent } from '../../../src/core/model/device.js';
import { presenceFeed } from '../../../src/core/presence/feed.js';
import { disconnectAll, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { partitionOf } from '../../../src/core/store/by-partition.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { openDetector } from '../../support/detector.js';
import {
  allOf,
  failure,
  logOf,
  openFeed,
  openFleet,
  pretendDetector,
  serverNow,
  until,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const PARTITIONS = 16;
const ALL = Array.from({ length: PARTITIONS }, (_, number) => number);
const IDS = Array.from({ length: 100 }, (_, i) => `d${i}`);
/** Longer than any test waits. */
const NEVER_MS = 60_000;

/** Who writes, and is never kept from it. */
let writer: Fleet;
/** Who is kept from some partitions. */
let fleet: Fleet;
let parts: readonly Fleet[];
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

const refused = () => Promise.reject(new Error('Connection is closed.'));
const silent = () => new Promise<never>(() => {});

type Method = (...args: unknown[]) => Promise<unknown>;

/** Keeps the fleet from these partitions. Gives what ends it. */
function keepFrom(numbers: readonly number[], answer: () => Promise<never>): () => void {
  const client = fleet.redis as unknown as Record<'evalsha' | 'xrange', Method>;
  const { evalsha, xrange } = client;
  const isKept = (args: unknown[]) =>
    args.some((arg) => numbers.some((number) => String(arg).startsWith(`many:{${number}}:`)));
  const unlessKept =
    (method: Method) =>
    (...args: unknown[]) =>
      isKept(args) ? answer() : method.apply(client, args);
  Object.assign(client, { evalsha: unlessKept(evalsha), xrange: unlessKept(xrange) });
  const reading = numbers.map((number) =>
    vi.spyOn(parts[number] as Fleet, 'pipeline').mockImplementation(() => fleet.send(answer)),
  );
  return () => {
    Object.assign(client, { evalsha, xrange });
    for (const spy of reading) spy.mockRestore();
  };
}

const idsOf = (events: readonly PresenceEvent[]) => events.map(({ deviceId }) => deviceId).sort();
const inReach = (kept: readonly number[]) =>
  IDS.filter((id) => !kept.includes(partitionOf(id, PARTITIONS))).sort();

async function lapsed(): Promise<void> {
  await heartbeats(
    writer,
    IDS.map((id) => ({ id, ttl: 20 })),
  );
  const now = await serverNow(writer.redis);
  await until(async () => (await serverNow(writer.redis)) > now + 20);
}

describe('a sweep', () => {
  test('goes through the others, and fails in the end', async () => {
    await lapsed();
    keepFrom([0, 7], refused);
    const swept: PresenceEvent[] = [];
    const run = async () => {
      for await (const event of sweep(fleet)) swept.push(event);
    };
    expect(await failure(run())).toMatchObject({ code: 'CONNECTION', message: 'connection lost' });
    expect(idsOf(swept)).toEqual(inReach([0, 7]));
    expect(await allOf(sweep(writer))).toHaveLength(IDS.length - swept.length);
  });
});

describe('a new detector', () => {
  test('is at work in the others, and there once it can be', async () => {
    await lapsed();
    const goOn = keepFrom([0, 7], refused);
    const { events, said, first, says, stop } = await openDetector(fleet);
    onTestFinished(stop);
    expect(said).toEqual(['lost']);
    const others = inReach([0, 7]);
    await first(others.length);
    expect(idsOf(events)).toEqual(others);
    goOn();
    await first(IDS.length);
    await says('resumed');
    expect([idsOf(events), said]).toEqual([[...IDS].sort(), ['lost', 'resumed']]);
  });

  test('that can look nowhere fails, and says nothing else', async () => {
    keepFrom(ALL, refused);
    const said: string[] = [];
    const run = detect(fleet, { onReady: () => said.push('ready'), onLost: () => said.push('lost') });
    expect(await failure(run.next())).toMatchObject({ code: 'CONNECTION', message: 'connection lost' });
    expect(said).toEqual([]);
  });

  test('whether one is at work, those tell that answer', async () => {
    for (const partition of await writer.partitions()) await pretendDetector(partition);
    keepFrom([0, 7], refused);
    expect(await detectorAtWork(fleet)).toBe(true);
    keepFrom(ALL, refused);
    expect(await failure(detectorAtWork(fleet))).toMatchObject({ code: 'CONNECTION' });
  });
});

describe('a feed', () => {
  /** Half of them, more than are asked at once where few are. */
  const HALF = ALL.slice(PARTITIONS / 2);

  async function allComeAndGo(): Promise<void> {
    await heartbeats(
      writer,
      IDS.map((id) => ({ id })),
    );
    await disconnectAll(writer, IDS);
  }

  async function logged(): Promise<number> {
    const logs = await Promise.all((await writer.partitions()).map((partition) => logOf(partition)));
    return logs.flat().length;
  }

  test('half of them fall silent: the others’ events come within moments', async () => {
    const feed = await openFeed(fleet);
    keepFrom(HALF, silent);
    await allComeAndGo();
    const others = inReach(HALF);
    await feed.first(2 * others.length);
    const begun = performance.now();
    for (let i = 1; i <= 10; i++) {
      await heartbeats(writer, [{ id: others[i] as string }]);
      await feed.first(2 * others.length + i);
    }
    expect(performance.now() - begun).toBeLessThan(5000);
    await feed.stop();
  });

  test('only those that are silent are rung: they keep nobody waiting for long', async () => {
    const feed = await openFeed(fleet);
    keepFrom(HALF, silent);
    const [kept, other] = [IDS.find((id) => !inReach(HALF).includes(id)), inReach(HALF)[0]];
    const begun = performance.now();
    await heartbeats(writer, [{ id: kept as string }]);
    await heartbeats(writer, [{ id: other as string }]);
    expect(await feed.first(1)).toMatchObject([{ deviceId: other }]);
    expect(performance.now() - begun).toBeLessThan(5000);
    await feed.stop();
  });

  test.each([
    ['refused', refused],
    ['silent', silent],
  ])(
    'that begins while some are %s: nothing of after is missing, nothing of before is there',
    async (_what, answer) => {
      await allComeAndGo();
      const before = await logged();
      const said: string[] = [];
      fleet.options.requestTimeout = 1500;
      const goOn = keepFrom(HALF, answer);
      const feed = await openFeed(fleet, {
        onLost: () => said.push('lost'),
        onResumed: () => said.push('resumed'),
      });
      expect(said).toEqual(['lost']);
      await allComeAndGo();
      await feed.first(2 * inReach(HALF).length);
      goOn();
      await feed.first(2 * IDS.length);
      await until(() => said.length === 2);
      await feed.stop();
      expect(feed.events).toHaveLength((await logged()) - before);
      expect(new Set(feed.events.map(({ id }) => id?.split('.')[0])).size).toBe(2 * IDS.length);
      expect(said).toEqual(['lost', 'resumed']);
    },
  );

  test('that replays while some are refused: theirs come when they can be read', async () => {
    await allComeAndGo();
    const goOn = keepFrom(HALF, refused);
    const feed = await openFeed(fleet, { since: { time: 0 } });
    expect(idsOf(feed.events)).toEqual(inReach(HALF).flatMap((id) => [id, id]));
    goOn();
    await feed.first(2 * IDS.length);
    await feed.stop();
  });

  test('that can read none fails', async () => {
    keepFrom(ALL, refused);
    for (const options of [{}, { since: { time: 0 } }])
      expect(await failure(presenceFeed(fleet, options).next())).toMatchObject({
        code: 'CONNECTION',
        message: 'connection lost',
      });
  });
});
