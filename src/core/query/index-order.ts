/**
 * Streams the devices of a partition in the order of its index, so that only some of them are in memory. It is for
 * exclusive fleets, whose index holds every device. Until a detector has settled a device whose TTL has expired, the
 * device's score is still its deadline, not the time when it was last seen. So the order of devices with a deadline
 * cannot be taken from the index; they are sorted by their records.
 */
import type { Status } from '../model/device.js';
import type { Partition } from '../store/partition.js';
import { SeenIds } from '../store/seen-ids.js';
import { readServerTime } from '../store/server-time.js';
import { pageIndex } from './index-pager.js';
import { byLastSeen, bySilence, type RegisteredRow, type SeenRow, sortAll } from './sort.js';

/**
 * A function that reads the devices with the given ids, and yields the rows of those that belong in the list, in the
 * order of the ids.
 */
type ReadRows<R> = (ids: AsyncIterable<string[]>) => AsyncIterable<readonly R[]>;

/** Which devices `byLastSeenFromIndex` and `bySilenceFromIndex` take from the index. */
export interface LastSeenRange {
  /** A device whose score in the index is a deadline is taken if the deadline is not after this time, epoch ms. */
  maxDeadline: number;
  /** A device that is offline in the index is taken if it was last seen not after this time, epoch ms. */
  maxLastSeen: number;
  /** True: devices that were never seen are included. False: they are left out. */
  never: boolean;
}

const NEVER_SEEN = { from: 0, to: 0 };

/**
 * Yields rows in the order of `byLastSeen`. In memory are only the rows of the devices that have a deadline in the
 * index, and of those last seen in one millisecond.
 * @param seen ids that were yielded before and must not be yielded again; the ids read by this call are added to it
 */
export async function* byLastSeenFromIndex<R extends SeenRow>(
  partition: Partition,
  range: LastSeenRange,
  read: ReadRows<R>,
  seen: SeenIds = new SeenIds(),
): AsyncGenerator<readonly R[]> {
  const withDeadline = { from: 1, to: range.maxDeadline };
  const sorted = await sortAll(read(pageIndex(partition, withDeadline, seen)), byLastSeen);
  async function* offline(): AsyncGenerator<readonly R[]> {
    if (range.never) yield* read(pageIndex(partition, NEVER_SEEN, seen));
    yield* seenRows(partition, range, read, seen);
  }
  yield* insertSorted(offline(), sorted, byLastSeen);
  // A device that went online while the stream was read may have left the part of the index for offline devices
  // before it was read there. So the part with deadlines is read again; devices found only now come last.
  yield* read(pageIndex(partition, withDeadline, seen));
}

/**
 * Yields rows in the order of `bySilence`. The index does not know when a device was registered, so the rows of devices
 * that were never seen are in memory too.
 */
export async function* bySilenceFromIndex<R extends RegisteredRow>(
  partition: Partition,
  range: LastSeenRange,
  read: ReadRows<R>,
): AsyncGenerator<readonly R[]> {
  const seen = new SeenIds();
  const withDeadline = { from: 1, to: range.maxDeadline };
  async function* unordered(): AsyncGenerator<readonly R[]> {
    if (range.never) yield* read(pageIndex(partition, NEVER_SEEN, seen));
    yield* read(pageIndex(partition, withDeadline, seen));
  }
  const sorted = await sortAll(unordered(), bySilence);
  yield* insertSorted(seenRows(partition, range, read, seen), sorted, bySilence);
  yield* read(pageIndex(partition, withDeadline, seen)); // as in `byLastSeenFromIndex`
}

/** Yields the rows of devices that are offline in the index and were seen, in the order of `byLastSeen`. */
function seenRows<R extends SeenRow>(
  partition: Partition,
  { maxLastSeen }: LastSeenRange,
  read: ReadRows<R>,
  seen: SeenIds,
): AsyncGenerator<readonly R[]> {
  return sortSameTime(read(pageIndex(partition, { from: -1, to: -maxLastSeen, down: true }, seen)));
}

/** Yields the rows of a sorted stream and, in their places, those of a sorted list. */
async function* insertSorted<R>(
  chunks: AsyncIterable<readonly R[]>,
  sorted: readonly R[],
  compare: (a: R, b: R) => number,
): AsyncGenerator<readonly R[]> {
  let next = 0;
  for await (const chunk of chunks) {
    if (next === sorted.length) {
      yield chunk;
      continue;
    }
    const merged: R[] = [];
    for (const row of chunk) {
      for (let other = sorted[next]; other && compare(other, row) < 0; other = sorted[next]) {
        merged.push(other);
        next += 1;
      }
      merged.push(row);
    }
    yield merged;
  }
  yield sorted.slice(next);
}

/**
 * Yields rows in the order of `byDeadline`: online devices by deadline, then offline devices by when they were last
 * seen.
 * @param status only devices of this status are yielded; undefined: all devices
 */
export async function* byDeadlineFromIndex<R extends SeenRow>(
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
  yield* byLastSeenFromIndex(partition, expiredOrOffline, read, seen);
  // The online part of the index is read again, so that no device is left out that went online while the offline
  // devices were read. These devices come last.
  if (status === undefined) yield* read(pageIndex(partition, online, seen));
}

/**
 * Puts the rows of devices last seen in the same millisecond in the order of `byLastSeen`, which is by id. The index,
 * read from high to low, gives them in the reverse order of their ids' bytes. The rows must come in the order of
 * `lastSeen`.
 */
async function* sortSameTime<R extends SeenRow>(chunks: AsyncIterable<readonly R[]>): AsyncGenerator<R[]> {
  let pending: R[] = []; // rows of one `lastSeen`, kept because the next chunk may have more
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
