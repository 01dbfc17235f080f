/** Joins the streams of a fleet's partitions into one stream: one partition after the other, or merged and sorted. */
import { flatten } from '../async/flatten.js';
import { prefetch } from '../async/prefetch.js';
import type { Fleet } from './fleet.js';
import type { Partition } from './partition.js';

/** How many items each chunk of a stream merged from several partitions has; the last chunk may have fewer. */
const CHUNK_SIZE = 100;

/** Calls `stream` for one partition after the other, and yields the items of each. */
export async function* concatPartitions<Item>(
  fleet: Fleet,
  stream: (partition: Partition) => AsyncIterable<Item>,
): AsyncGenerator<Item> {
  for (const partition of await fleet.partitions()) yield* stream(partition);
}

/**
 * Calls `stream` for every partition, and merges the results, each of which is sorted by `compare`, into one sorted
 * stream. All partitions are read at the same time; at most two chunks of each partition are in memory.
 */
export async function* mergePartitions<Item>(
  fleet: Fleet,
  stream: (partition: Partition) => AsyncIterable<readonly Item[]>,
  compare: (a: Item, b: Item) => number,
): AsyncGenerator<readonly Item[]> {
  const partitions = await fleet.partitions();
  const [only] = partitions;
  if (partitions.length === 1 && only) yield* prefetch(stream(only));
  else yield* merge(partitions.map(stream), compare);
}

async function* merge<Item>(
  streams: readonly AsyncIterable<readonly Item[]>[],
  compare: (a: Item, b: Item) => number,
): AsyncGenerator<readonly Item[]> {
  const sources = streams.map((stream) => flatten(prefetch(stream)));
  try {
    const heads = await Promise.all(sources.map(async (source) => ({ source, next: await source.next() })));
    let chunk: Item[] = [];
    for (;;) {
      let first: (typeof heads)[number] | undefined;
      for (const head of heads) {
        if (head.next.done) continue;
        if (!first || compare(head.next.value, first.next.value) < 0) first = head;
      }
      if (!first) break;
      chunk.push(first.next.value);
      first.next = await first.source.next();
      if (chunk.length < CHUNK_SIZE) continue;
      yield chunk;
      chunk = [];
    }
    if (chunk.length > 0) yield chunk;
  } finally {
    await Promise.all(sources.map((source) => source.return(undefined)));
  }
}
