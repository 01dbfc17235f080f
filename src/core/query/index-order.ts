/**
 * Devices of a partition in the order of its index, as a stream: only a part of the devices is in memory. It is for
 * exclusive fleets, whose index holds every device. The index may be older than the record: a device whose TTL expired
 * keeps its deadline as its score until a detector settles it. Such devices are collected and sorted by their records.
 */
import type { Status } from '../model/device.js';
import type { Partition } from '../store/partition.js';
import { SeenIds } from '../store/seen-ids.js';
import { readServerTime } from '../store/server-time.js';
import { pageIndex } from './index-pager.js';
import { byLastSeen, type SeenRow, sortAll } from './sort.js';

/** Reads the devices of some ids and yields the rows that match, in the order of the ids. */
type ReadRows<R> = (ids: AsyncIterable<string[]>) => AsyncIterable<readonly R[]>;

/** The part of the index that `oldestFirst` reads. */
export interface LastSeenRange {
  /** Of the devices that have a deadline in the index: those with a deadline until then, ms. */
  maxDeadline: number;
  /** Of the devices that are offline in the index: those last seen until then, ms. */
  maxLastSeen: number;
  /** Whether to include devices that were never seen. */
  never: boolean;
}

/**
 * Yields rows in the order of `byLastSeen`. In memory are the devices that have a deadline in the index, and those last
 * seen in the same millisecond.
 * @param seen the ids that were read already; ids are added to it
 */
export async function* oldestFirst<R extends SeenRow>(
  partition: Partition,
  { maxDeadline, maxLastSeen, never }: LastSeenRange,
  read: ReadRows<R>,
  seen: SeenIds = new SeenIds(),
): AsyncGenerator<readonly R[]> {
  const withDeadline = { from: 1, to: maxDeadline };
  const sorted = await sortAll(read(pageIndex(partition, withDeadline, seen)), byLastSeen);
  async function* offline(): AsyncGenerator<readonly R[]> {
    if (never) yield* read(pageIndex(partition, { from: 0, to: 0 }, seen));
    yield* sortSameTime(read(pageIndex(partition, { from: -1, to: -maxLastSeen, down: true }, seen)));
  }
  let next = 0;
  for await (const chunk of offline()) {
    if (next === sorted.length) {
      yield chunk;
      continue;
    }
    const merged: R[] = [];
    for (const row of chunk) {
      for (let other = sorted[next]; other && byLastSeen(other, row) < 0; other = sorted[next]) {
        merged.push(other);
        next += 1;
      }
      merged.push(row);
    }
    yield merged;
  }
  yield sorted.slice(next);
  // Devices that got a deadline while this stream was read: they are no longer where it read.
  yield* read(pageIndex(partition, withDeadline, seen));
}

/**
 * Yields rows in the order of `byDeadline`.
 * @param status only devices of this status; undefined: all
 */
export async function* nextToExpire<R extends SeenRow>(
  partition: Partition,
  status: Status | undefined,
  read: ReadRows<R>,
): AsyncGenerator<readonly R[]> {
  const now = await readServerTime(partition);
  const seen = new SeenIds();
  const online = { from: now, to: Number.POSITIVE_INFINITY };
  if (status !== 'offline') yield* read(pageIndex(partition, online, seen));
  if (status === 'online') return;
  const expiredOrOffline = { maxDeadline: now - 1, maxLastSeen: Number.POSITIVE_INFINITY, never: true };
  yield* oldestFirst(partition, expiredOrOffline, read, seen);
  // Devices that came online while this stream was read.
  if (status === undefined) yield* read(pageIndex(partition, online, seen));
}

/**
 * Sorts rows last seen in the same millisecond by id, as `byLastSeen` does: the index, read from high to low, has them
 * in the reverse order of their ids' bytes. The rows must come in the order of `lastSeen`.
 */
async function* sortSameTime<R extends SeenRow>(chunks: AsyncIterable<readonly R[]>): AsyncGenerator<R[]> {
  let pending: R[] = []; // rows of one time, of which the next chunk may have more
  for await (const chunk of chunks) {
    const last = chunk.at(-1)?.lastSeen;
    const end = chunk.findLastIndex(({ lastSeen }) => lastSeen !== last) + 1;
    if (end === 0 && (pending[0] === undefined || pending[0].lastSeen === last)) {
      pending.push(...chunk);
    } else {
      yield [...pending, ...chunk.slice(0, end)].sort(byLastSeen);
      pending = chunk.slice(end);
    }
  }
  if (pending.length > 0) yield pending.sort(byLastSeen);
}
