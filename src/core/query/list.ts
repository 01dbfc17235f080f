/**
 * Questions to the whole fleet, answered in chunks, each read while the last is worked at:
 * memory stays flat and no command grows with the fleet. The heartbeat key and the record
 * decide; sets and index only say where to look, because other programs may have bypassed
 * them.
 */
import { prefetch } from '../async/prefetch.js';
import { type DeviceRecord, type Status, validType } from '../model/device.js';
import type { FieldName } from '../model/dialect.js';
import { concatPartitions, flatten, mapPartitions, mergePartitions } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import { scanSet } from '../store/set-scan.js';
import {
  AdaptivePage,
  type DeviceReading,
  EVERYTHING,
  METADATA,
  readDevices,
  SUMMARY,
} from './read-devices.js';
import { byDeadline, byId, byLastSeen, nextToExpire, oldestFirst, sortAll } from './sort.js';

export interface QueryOptions {
  /** Only devices whose record says this type. */
  type?: string;
  /** Hears of ids that have no device to show: a broken record, or none with an id field. */
  onProblem?: (reading: DeviceReading) => void;
  /** Hears how many ids have been looked at. */
  onLooked?: (count: number) => void;
}

/**
 * `lastSeen`: never seen first, then the oldest; `deadline`: the next to lapse first, behind
 * them those that are offline, the oldest first.
 */
export type Order = 'id' | 'lastSeen' | 'deadline';

/** Whether an order streams, or the whole list has to be held. */
export async function isIndexed(fleet: Fleet, order: Order, type?: string): Promise<boolean> {
  return order !== 'id' && type === undefined && (await fleet.settings()).exclusive;
}

export interface OnlineOptions extends QueryOptions {
  order?: Order | undefined;
  /** Read metadata and registration too. */
  withMetadata?: boolean;
}

/** Who is online now: a live heartbeat key, or no row. */
export function onlineDevices(fleet: Fleet, options: OnlineOptions = {}): AsyncGenerator<DeviceRecord> {
  return flatten(onlineChunks(fleet, options));
}

/** The same, as they are read. */
export async function* onlineChunks(
  fleet: Fleet,
  options: OnlineOptions = {},
): AsyncGenerator<readonly DeviceRecord[]> {
  const { order, withMetadata = false } = options;
  const fields: readonly FieldName[] = ['type', 'lastSeen', ...(withMetadata ? METADATA : [])];
  const read = deviceReader(fleet, fields, options);
  yield* inOrder(fleet, order, {
    ...{ status: 'online', type: undefined },
    read: (ids) => filtered(read(ids), ({ status }) => status === 'online'),
    all: () => concatPartitions(fleet, (partition) => scanSet(partition, partition.keys.online)),
  });
}

export interface ListOptions extends QueryOptions {
  /** `never`: offline and never seen. */
  status?: 'online' | 'offline' | 'never';
  order?: Order | undefined;
  /** Read reported and desired too. */
  withState?: boolean;
}

/** Any part of the registered fleet. */
export function listDevices(fleet: Fleet, options: ListOptions = {}): AsyncGenerator<DeviceRecord> {
  return flatten(listChunks(fleet, options));
}

/** The same, as they are read. */
export async function* listChunks(
  fleet: Fleet,
  options: ListOptions = {},
): AsyncGenerator<readonly DeviceRecord[]> {
  const { type, status, order, withState = false } = options;
  const fields = withState ? EVERYTHING : SUMMARY;
  const isAsked = (device: DeviceRecord) => {
    if (status === 'never') return device.status === 'offline' && device.lastSeen === null;
    return status === undefined || status === device.status;
  };
  const read = deviceReader(fleet, fields, options);
  yield* inOrder(fleet, order, {
    ...{ status: status === 'never' ? 'offline' : status, type },
    read: (ids) => filtered(read(ids), isAsked),
    all: () => registeredIds(fleet, type),
  });
}

interface Asked {
  status: Status | undefined;
  type: string | undefined;
  /** The devices of some ids that are asked for. */
  read: (ids: AsyncIterable<string[]>) => AsyncIterable<readonly DeviceRecord[]>;
  /** Every id that may be one of them. */
  all: () => AsyncIterable<string[]>;
}

async function* inOrder(
  fleet: Fleet,
  order: Order | undefined,
  { status, type, read, all }: Asked,
): AsyncGenerator<readonly DeviceRecord[]> {
  const end = Number.POSITIVE_INFINITY;
  if (order === undefined) yield* read(all());
  else if (!(await isIndexed(fleet, order, type))) yield await sortAll(read(all()), COMPARE[order]);
  else if (order === 'lastSeen') {
    const part = { until: end, cutoff: end, never: true };
    yield* mergePartitions(fleet, (partition) => oldestFirst(partition, part, read), byLastSeen);
  } else {
    yield* mergePartitions(fleet, (partition) => nextToExpire(partition, status, read), byDeadline);
  }
}

const COMPARE = { id: byId, lastSeen: byLastSeen, deadline: byDeadline };

/** How many devices there are. */
export async function countRegistered(fleet: Fleet): Promise<number> {
  const counts = await mapPartitions(fleet, (partition) =>
    partition.send(() => partition.redis.scard(partition.keys.registered)),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The ids that may be of a type, or all. */
export function registeredIds(fleet: Fleet, type?: string): AsyncGenerator<string[]> {
  if (type !== undefined) validType(type);
  return concatPartitions(fleet, (partition) =>
    scanSet(partition, type === undefined ? partition.keys.registered : partition.keys.type(type)),
  );
}

/**
 * Gives the devices of ids, chunk by chunk; what several calls look at is told as one count.
 * @param liveness `unread` takes all for offline, for who asks later about a few
 */
export function deviceReader(
  fleet: Fleet,
  fields: readonly FieldName[],
  { type, onProblem, onLooked }: QueryOptions,
  liveness: 'read' | 'unread' = 'read',
): (ids: AsyncIterable<string[]>) => AsyncGenerator<DeviceRecord[]> {
  let looked = 0;
  return async function* (ids) {
    const portion = new AdaptivePage(fields);
    const chunks = (async function* () {
      for await (const chunk of prefetch(ids)) {
        for (let from = 0; from < chunk.length; ) {
          const some = chunk.slice(from, from + portion.size);
          const readings = await readDevices(fleet, some, fields, liveness);
          portion.observe(readings);
          from += some.length;
          yield readings;
        }
      }
    })();
    for await (const readings of prefetch(chunks)) {
      for (const reading of readings) if (!reading.device) onProblem?.(reading);
      yield readings.flatMap(({ device }) =>
        device && (type === undefined || device.deviceType === type) ? [device] : [],
      );
      looked += readings.length;
      onLooked?.(looked);
    }
  };
}

async function* filtered<Row>(
  chunks: AsyncIterable<readonly Row[]>,
  keep: (row: Row) => boolean,
): AsyncGenerator<Row[]> {
  for await (const chunk of chunks) yield chunk.filter(keep);
}
