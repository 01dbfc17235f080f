/**
 * A fleet may be cut into partitions, each with sets, index, log and pulse of its own in one
 * slot of a cluster. Which one a device belongs to follows from its id alone and can never
 * change. Here work on many devices is dealt out to the partitions and put together again;
 * a fleet that is not partitioned is the case of one.
 */

import type { ItemResult } from '../async/item-results.js';
import { prefetch } from '../async/prefetch.js';
import { DevstateError, deviceError, isConnectionError } from '../model/errors.js';
import type { Fleet } from './fleet.js';
import type { Partition } from './partition.js';
import { partitionNumber } from './partition-number.js';
import { isTransient } from './redis-errors.js';

/** How many partitions are asked at once; who reads holds what they give. */
const AT_ONCE = 8;

type Named = string | { id: string };
/** Those of one partition, and where they stood. */
interface Group<Item> {
  items: Item[];
  places: number[];
}
type Work<Item, Result> = (partition: Partition, items: readonly Item[]) => Promise<readonly Result[]>;

/** What `work` gives for each item, in order; those of one partition are worked at together. */
export async function mapByPartition<Item extends Named, Result>(
  fleet: Fleet,
  items: readonly Item[],
  work: Work<Item, Result>,
  atOnce = AT_ONCE,
): Promise<readonly Result[]> {
  const partitions = await fleet.partitions();
  const [only] = partitions;
  if (partitions.length === 1 && only) return work(only, items);
  const groups = new Map<number, Group<Item>>();
  for (const [place, item] of items.entries()) {
    const number = partitionNumber(idOf(item), partitions.length);
    const group = groups.get(number) ?? { items: [], places: [] };
    group.items.push(item);
    group.places.push(place);
    groups.set(number, group);
  }
  const results: Result[] = new Array(items.length);
  const deal = async ([number, { items: group, places }]: [number, Group<Item>]) => {
    const done = await work(partitions[number] as Partition, group);
    for (const [i, place] of places.entries()) results[place] = done[i] as Result;
  };
  await forEachConcurrently([...groups], deal, atOnce);
  return results;
}

/**
 * The same of items that each succeed or fail alone. A partition that is out of reach is the failure
 * of its items, and none waits for it to begin. Where all items are of one, there is nobody else.
 * @throws DevstateError CONNECTION then
 */
export async function mapItemsByPartition<Item extends Named, Result>(
  fleet: Fleet,
  items: readonly Item[],
  work: Work<Item, ItemResult<Result>>,
): Promise<readonly ItemResult<Result>[]> {
  const orLost: typeof work = async (partition, group) => {
    try {
      return await work(partition, group);
    } catch (error) {
      if (group.length === items.length || !isConnectionError(error)) throw error;
      return group.map((item) => deviceError(idOf(item), error));
    }
  };
  return mapByPartition(fleet, items, orLost, items.length);
}

function idOf(item: Named): string {
  return typeof item === 'string' ? item : item.id;
}

/** One result for each partition. */
export async function mapPartitions<Result>(
  fleet: Fleet,
  work: (partition: Partition) => Promise<Result>,
): Promise<Result[]> {
  const partitions = await fleet.partitions();
  const results: Result[] = new Array(partitions.length);
  await forEachConcurrently([...partitions.entries()], async ([i, partition]) => {
    results[i] = await work(partition);
  });
  return results;
}

/** The partitions' streams, one after the other. */
export async function* concatPartitions<Item>(
  fleet: Fleet,
  stream: (partition: Partition) => AsyncIterable<Item>,
): AsyncGenerator<Item> {
  for (const partition of await fleet.partitions()) yield* stream(partition);
}

/** The partitions' streams, each in this order, as one in this order. The next chunk of each is read ahead. */
export async function* mergePartitions<Item>(
  fleet: Fleet,
  stream: (partition: Partition) => AsyncIterable<readonly Item[]>,
  order: (a: Item, b: Item) => number,
): AsyncGenerator<readonly Item[]> {
  const partitions = await fleet.partitions();
  const [only] = partitions;
  if (partitions.length === 1 && only) yield* prefetch(stream(only));
  else yield* merged(partitions.map(stream), order);
}

const MERGED_AT_ONCE = 100;

async function* merged<Item>(
  streams: readonly AsyncIterable<readonly Item[]>[],
  order: (a: Item, b: Item) => number,
): AsyncGenerator<readonly Item[]> {
  const sources = streams.map((stream) => flatten(prefetch(stream)));
  try {
    const heads = await Promise.all(sources.map(async (source) => ({ source, next: await source.next() })));
    let chunk: Item[] = [];
    for (;;) {
      let first: (typeof heads)[number] | undefined;
      for (const head of heads) {
        if (head.next.done) continue;
        if (!first || order(head.next.value, first.next.value) < 0) first = head;
      }
      if (!first) break;
      chunk.push(first.next.value);
      first.next = await first.source.next();
      if (chunk.length < MERGED_AT_ONCE) continue;
      yield chunk;
      chunk = [];
    }
    if (chunk.length > 0) yield chunk;
  } finally {
    await Promise.all(sources.map((source) => source.return(undefined)));
  }
}

/** The items of chunks, one by one. */
export async function* flatten<Item>(chunks: AsyncIterable<readonly Item[]>): AsyncGenerator<Item> {
  for await (const chunk of chunks) yield* chunk;
}

/**
 * Nothing is found in partitions that are no more.
 * @throws DevstateError CONFLICT: the fleet was cut anew since it was found to be in so many
 */
export async function assertPartitionCount(fleet: Fleet, count: number): Promise<void> {
  const partitions = await fleet.declared().then(
    (declared) => declared.partitions,
    (error: unknown) => {
      if (isTransient(error)) return count; // who says it is away: that is no reason to end
      throw error;
    },
  );
  if (partitions === count) return;
  throw new DevstateError(
    'CONFLICT',
    `the fleet was cut anew meanwhile: partitions ${partitions}, not ${count}`,
    {
      reason: 'PARTITIONS_CHANGED',
    },
  );
}

/** Works at all items, a few at once. Where one fails no other is begun, and when it rejects none is under way. */
export async function forEachConcurrently<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
  atOnce = AT_ONCE,
): Promise<void> {
  const rest = items.values();
  const failures: unknown[] = [];
  const worker = async () => {
    for (const item of rest) {
      await work(item).catch((error: unknown) => failures.push(error));
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}
