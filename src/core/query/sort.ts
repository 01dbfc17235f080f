/**
 * Lists in an order. What the index gives streams, on an exclusive fleet, where the index
 * holds every device; all else has to be held to be sorted. Either way the order is the same.
 */
import type { Status } from '../model/device.js';
import type { Partition } from '../store/partition.js';
import { SeenIds } from '../store/seen-ids.js';
import { readServerTime } from '../store/server-time.js';
import { pageIndex } from './index-pager.js';

interface Row {
  deviceId: string;
}
interface Seen extends Row {
  lastSeen: number | null;
}
interface Expiring extends Seen {
  status: Status;
  expiresAt: number | null;
}
type Compare<R> = (a: R, b: R) => number;

/** Plain code-unit order: the same everywhere, whatever the locale. */
export function byId(a: Row, b: Row): number {
  return a.deviceId < b.deviceId ? -1 : a.deviceId > b.deviceId ? 1 : 0;
}

/** Never seen first, then the oldest. */
export function byLastSeen(a: Seen, b: Seen): number {
  return (a.lastSeen ?? 0) - (b.lastSeen ?? 0) || byId(a, b);
}

/** The next to lapse first, one without a deadline last; behind them those that are offline. */
export function byDeadline(a: Expiring, b: Expiring): number {
  if (a.status !== b.status) return a.status === 'online' ? -1 : 1;
  if (a.status === 'offline') return byLastSeen(a, b);
  return (a.expiresAt ?? LAST) - (b.expiresAt ?? LAST) || byId(a, b);
}

const LAST = Number.MAX_SAFE_INTEGER;

/** All rows, held first. */
export async function sortAll<R>(chunks: AsyncIterable<readonly R[]>, compare: Compare<R>): Promise<R[]> {
  const all: R[] = [];
  for await (const chunk of chunks) for (const row of chunk) all.push(row);
  return all.sort(compare);
}

/** What reads some ids, and gives the rows that are asked for, chunk by chunk. */
type Read<R> = (ids: AsyncIterable<string[]>) => AsyncIterable<readonly R[]>;

/** Which part of the index. Of the online ones their place there is their deadline. */
interface Part {
  /** Those that are not offline there: with a deadline until then, ms. */
  until: number;
  /** Those that are: last seen until then, ms. */
  cutoff: number;
  never: boolean;
}

/**
 * By the index, as `byLastSeen`. Held are those that it does not have as offline, and of the
 * others those that were seen in one moment.
 */
export async function* oldestFirst<R extends Seen>(
  partition: Partition,
  { until, cutoff, never }: Part,
  read: Read<R>,
  seen: SeenIds = new SeenIds(),
): AsyncGenerator<readonly R[]> {
  const notOffline = { from: 1, to: until };
  const held = await sortAll(read(pageIndex(partition, notOffline, seen)), byLastSeen);
  async function* offline(): AsyncGenerator<readonly R[]> {
    if (never) yield* read(pageIndex(partition, { from: 0, to: 0 }, seen));
    yield* byIdOfOneMoment(read(pageIndex(partition, { from: -1, to: -cutoff, down: true }, seen)));
  }
  let next = 0;
  for await (const chunk of offline()) {
    if (next === held.length) {
      yield chunk;
      continue;
    }
    const both: R[] = [];
    for (const row of chunk) {
      for (let other = held[next]; other && byLastSeen(other, row) < 0; other = held[next]) {
        both.push(other);
        next += 1;
      }
      both.push(row);
    }
    yield both;
  }
  yield held.slice(next);
  yield* read(pageIndex(partition, notOffline, seen)); // came back meanwhile
}

/** By the index, as `byDeadline`. */
export async function* nextToExpire<R extends Seen>(
  partition: Partition,
  status: Status | undefined,
  read: Read<R>,
): AsyncGenerator<readonly R[]> {
  const now = await readServerTime(partition);
  const seen = new SeenIds();
  const online = { from: now, to: Number.POSITIVE_INFINITY };
  if (status !== 'offline') yield* read(pageIndex(partition, online, seen));
  if (status === 'online') return;
  yield* oldestFirst(
    partition,
    { until: now - 1, cutoff: Number.POSITIVE_INFINITY, never: true },
    read,
    seen,
  );
  if (status === undefined) yield* read(pageIndex(partition, online, seen)); // came back meanwhile
}

/** Rows in the order of when they were last seen, of which the index has equal ones in its own. */
async function* byIdOfOneMoment<R extends Seen>(chunks: AsyncIterable<readonly R[]>): AsyncGenerator<R[]> {
  let open: R[] = []; // of one moment, of which there may be more to come
  for await (const chunk of chunks) {
    const last = chunk.at(-1)?.lastSeen;
    const end = chunk.findLastIndex(({ lastSeen }) => lastSeen !== last) + 1;
    if (end === 0 && (open[0] === undefined || open[0].lastSeen === last)) {
      open.push(...chunk);
    } else {
      yield [...open, ...chunk.slice(0, end)].sort(byLastSeen);
      open = chunk.slice(end);
    }
  }
  if (open.length > 0) yield open.sort(byLastSeen);
}
