/**
 * Devices that have not been seen for some time. In an exclusive fleet the index gives them in order, so the result
 * streams. In a shared fleet other programs write records without the index: every registered record is read, and the
 * result is sorted in memory.
 */
import { flatten } from '../async/flatten.js';
import { prefetch } from '../async/prefetch.js';
import type { DeviceRecord, Status } from '../model/device.js';
import { decodeInstant, type FieldName, fieldName } from '../model/dialect.js';
import { mapByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import { mergePartitions } from '../store/merge-partitions.js';
import { readFleetTime } from '../store/server-time.js';
import { deviceReader, type QueryOptions } from './device-reader.js';
import { oldestFirst } from './index-order.js';
import { withLiveness } from './liveness.js';
import { WIDE_FIELDS } from './read-devices.js';
import { registeredIds } from './registered-ids.js';
import { byLastSeen, sortAll } from './sort.js';

export interface StaleOptions extends QueryOptions {
  /** How long a device must not have been seen, ms; default one hour. */
  olderThan?: number;
  /** Whether to include devices that were never seen; default true. */
  never?: boolean;
  /** Also read metadata and the time of registration. */
  withMetadata?: boolean;
}

export interface StaleDevice {
  deviceId: string;
  deviceType: string | null;
  status: Status;
  /** ms; null: never seen */
  lastSeen: number | null;
  /** ms */
  registeredAt: number | null;
  metadataJson: string;
  /** The time since it was last seen, seconds; null: never seen. */
  ageSeconds: number | null;
}

const DEFAULT_OLDER_THAN_MS = 3_600_000;

/**
 * Yields the stale devices: never seen first, then the longest unseen first. A device may be online, if its TTL is
 * longer than `olderThan`.
 * @throws DevstateError CONNECTION, BAD_RECORD, USAGE
 */
export function staleDevices(fleet: Fleet, options: StaleOptions = {}): AsyncGenerator<StaleDevice> {
  return flatten(staleChunks(fleet, options));
}

/** The same in chunks, as they are read. @throws DevstateError CONNECTION, BAD_RECORD, USAGE */
export async function* staleChunks(
  fleet: Fleet,
  options: StaleOptions = {},
): AsyncGenerator<readonly StaleDevice[]> {
  const { olderThan = DEFAULT_OLDER_THAN_MS, never = true, type, withMetadata = false, onProgress } = options;
  const now = await readFleetTime(fleet);
  const cutoff = now - olderThan;
  const { exclusive, longestTtl } = await fleet.settings();
  const isIndexed = exclusive && type === undefined;
  const fields: readonly FieldName[] = ['type', 'lastSeen', ...(withMetadata ? WIDE_FIELDS : [])];
  const toStaleDevice = staleDeviceMapper(now);

  // Without the index, `candidates` reads all records before the reader does; progress is counted there.
  const readerOptions = isIndexed ? options : { ...options, onProgress: () => {} };
  const read = deviceReader(fleet, fields, readerOptions, 'unread');
  async function* staleAmong(ids: AsyncIterable<string[]>): AsyncGenerator<StaleDevice[]> {
    for await (const devices of read(ids)) {
      const stale = devices.filter(({ lastSeen }) => (lastSeen === null ? never : lastSeen <= cutoff));
      yield (await withLiveness(fleet, stale)).map(toStaleDevice);
    }
  }
  // Most devices are not stale. One field is enough to leave them out; the other fields are read of the rest only.
  async function* candidates(): AsyncGenerator<string[]> {
    let readCount = 0;
    for await (const ids of prefetch(registeredIds(fleet, type))) {
      yield await possiblyUnseenSince(fleet, ids, cutoff);
      readCount += ids.length;
      onProgress?.(readCount);
    }
  }

  if (!isIndexed) {
    yield await sortAll(staleAmong(candidates()), byLastSeen);
    return;
  }
  // A device last seen at the cutoff has a deadline of at most one TTL later.
  const range = { maxDeadline: cutoff + longestTtl, maxLastSeen: cutoff, never };
  yield* mergePartitions(fleet, (partition) => oldestFirst(partition, range, staleAmong), byLastSeen);
}

/**
 * Returns the ids of devices that may not have been seen after `moment` (ms). Only the field of the fleet's dialect is
 * read: the id of a record that lacks it, or is written in the other dialect, is returned too.
 */
async function possiblyUnseenSince(fleet: Fleet, ids: readonly string[], moment: number): Promise<string[]> {
  const { dialect } = await fleet.settings();
  const field = fieldName(dialect, 'lastSeen');
  const texts = await mapByPartition(fleet, ids, (partition, group) =>
    partition.pipeline(group.map((id) => ['hget', partition.keys.state(id), field])),
  );
  return ids.filter((_, i) => {
    const text = texts[i];
    const lastSeen = typeof text === 'string' ? decodeInstant(dialect, text) : null;
    return lastSeen === null || lastSeen <= moment;
  });
}

/**
 * Returns a function that keeps only the fields of a `StaleDevice`, and one string for all devices of a type: a million
 * rows may be in memory to be sorted.
 */
function staleDeviceMapper(now: number): (device: DeviceRecord) => StaleDevice {
  const types = new Map<string, string>();
  return ({ deviceId, deviceType, status, lastSeen, registeredAt, metadataJson }) => {
    if (deviceType !== null && !types.has(deviceType)) types.set(deviceType, deviceType);
    return {
      deviceId,
      deviceType: deviceType === null ? null : (types.get(deviceType) as string),
      status,
      lastSeen,
      registeredAt,
      metadataJson,
      ageSeconds: lastSeen === null ? null : Math.max(0, now - lastSeen) / 1000,
    };
  };
}
