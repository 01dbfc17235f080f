/**
 * Lists devices in chunks, so that memory is bounded and no Redis command takes longer in a larger fleet. The sets and
 * the index only say which devices to read. Whether a device is listed is decided by its record and heartbeat key,
 * because other programs may change a device without updating the sets and the index.
 */

import { flatten } from '../async/flatten.js';
import type { DeviceRecord, Status } from '../model/device.js';
import type { FieldName } from '../model/dialect.js';
import type { Fleet } from '../store/fleet.js';
import { concatPartitions, mergePartitions } from '../store/merge-partitions.js';
import { scanSet } from '../store/set-scan.js';
import { deviceReader, type QueryOptions } from './device-reader.js';
import { byDeadlineFromIndex, byLastSeenFromIndex } from './index-order.js';
import { ALL_FIELDS, METADATA_FIELDS, SUMMARY_FIELDS } from './read-devices.js';
import { registeredIds } from './registered-ids.js';
import { byDeadline, byId, byLastSeen, sortAll } from './sort.js';

/**
 * The order of a list of devices.
 * - lastSeen: devices that were never seen first, then the longest unseen first
 * - deadline: online devices by the time when their heartbeat key expires, the earliest first; then offline devices, in
 *   the order `lastSeen`
 */
export type Order = 'id' | 'lastSeen' | 'deadline';

/**
 * Returns whether the index holds the devices in this order, so that a list can be printed while it is read. If not,
 * all devices must be read and sorted in memory first.
 * @throws DevstateError CONNECTION, BAD_RECORD, USAGE
 */
export async function isIndexed(fleet: Fleet, order: Order, type?: string): Promise<boolean> {
  return order !== 'id' && type === undefined && (await fleet.settings()).exclusive;
}

export interface OnlineOptions extends QueryOptions {
  order?: Order | undefined;
  /** True: the metadata and the time of registration are read too. False (default): they are `{}` and null. */
  withMetadata?: boolean;
}

/** Yields the online devices: those whose heartbeat key exists. @throws DevstateError CONNECTION, USAGE, BAD_RECORD */
export function onlineDevices(fleet: Fleet, options: OnlineOptions = {}): AsyncGenerator<DeviceRecord> {
  return flatten(onlineChunks(fleet, options));
}

/**
 * Yields the online devices, in the chunks in which they are read.
 * @throws DevstateError CONNECTION, USAGE, BAD_RECORD
 */
export async function* onlineChunks(
  fleet: Fleet,
  options: OnlineOptions = {},
): AsyncGenerator<readonly DeviceRecord[]> {
  const { order, withMetadata = false } = options;
  const fields: readonly FieldName[] = ['type', 'lastSeen', ...(withMetadata ? METADATA_FIELDS : [])];
  const read = deviceReader(fleet, fields, options);
  yield* inOrder(fleet, order, {
    status: 'online',
    type: undefined,
    read: (ids) => filtered(read(ids), ({ status }) => status === 'online'),
    candidates: () => concatPartitions(fleet, (partition) => scanSet(partition, partition.keys.online)),
  });
}

export interface ListOptions extends QueryOptions {
  /** Only devices of this status; `never`: offline devices that were never seen. Undefined: all devices. */
  status?: 'online' | 'offline' | 'never';
  order?: Order | undefined;
  /** True: the reported and the desired document are read too. False (default): both are `{}`. */
  withState?: boolean;
}

/** Yields the registered devices that match the options. @throws DevstateError CONNECTION, USAGE, BAD_RECORD */
export function listDevices(fleet: Fleet, options: ListOptions = {}): AsyncGenerator<DeviceRecord> {
  return flatten(listChunks(fleet, options));
}

/**
 * Yields the registered devices that match the options, in the chunks in which they are read.
 * @throws DevstateError CONNECTION, USAGE, BAD_RECORD
 */
export async function* listChunks(
  fleet: Fleet,
  options: ListOptions = {},
): AsyncGenerator<readonly DeviceRecord[]> {
  const { type, status, order, withState = false } = options;
  const read = deviceReader(fleet, withState ? ALL_FIELDS : SUMMARY_FIELDS, options);
  const matches = (device: DeviceRecord) => {
    if (status === 'never') return device.status === 'offline' && device.lastSeen === null;
    return status === undefined || status === device.status;
  };
  yield* inOrder(fleet, order, {
    status: status === 'never' ? 'offline' : status,
    type,
    read: (ids) => filtered(read(ids), matches),
    candidates: () => registeredIds(fleet, type),
  });
}

interface ListSource {
  status: Status | undefined;
  type: string | undefined;
  /** Reads the devices with these ids, and yields the devices that belong in the list. */
  read: (ids: AsyncIterable<string[]>) => AsyncIterable<readonly DeviceRecord[]>;
  /** Yields the id of every device that may belong in the list, in no particular order. */
  candidates: () => AsyncIterable<string[]>;
}

async function* inOrder(
  fleet: Fleet,
  order: Order | undefined,
  { status, type, read, candidates }: ListSource,
): AsyncGenerator<readonly DeviceRecord[]> {
  if (order === undefined) yield* read(candidates());
  else if (!(await isIndexed(fleet, order, type))) yield await sortAll(read(candidates()), COMPARE[order]);
  else if (order === 'lastSeen') {
    const everything = {
      maxDeadline: Number.POSITIVE_INFINITY,
      maxLastSeen: Number.POSITIVE_INFINITY,
      never: true,
    };
    yield* mergePartitions(
      fleet,
      (partition) => byLastSeenFromIndex(partition, everything, read),
      byLastSeen,
    );
  } else {
    yield* mergePartitions(fleet, (partition) => byDeadlineFromIndex(partition, status, read), byDeadline);
  }
}

const COMPARE = { id: byId, lastSeen: byLastSeen, deadline: byDeadline };

async function* filtered<Row>(
  chunks: AsyncIterable<readonly Row[]>,
  keep: (row: Row) => boolean,
): AsyncGenerator<Row[]> {
  for await (const chunk of chunks) yield chunk.filter(keep);
}
