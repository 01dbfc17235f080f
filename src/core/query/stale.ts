/**
 * Finds stale devices: those that have not been seen for some time. In an exclusive fleet the index gives them in
 * order, so they are yielded while they are read. In a shared fleet other programs do not update the index, so all
 * records are read, and the stale devices are sorted in memory.
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
import { bySilenceFromIndex } from './index-order.js';
import { withLiveness } from './liveness.js';
import { registeredIds } from './registered-ids.js';
import { bySilence, silentSince, sortAll } from './sort.js';

export interface StaleOptions extends QueryOptions {
  /**
   * A device is stale if it was last seen, or was registered and never seen, at least this long ago, ms; default: one
   * hour.
   */
  olderThan?: number;
  /** True (default): devices that were never seen may be stale too. False: they are left out. */
  never?: boolean;
  /** True: the metadata is read too. False (default): it is `{}`. */
  withMetadata?: boolean;
}

export interface StaleDevice {
  deviceId: string;
  deviceType: string | null;
  status: Status;
  /** When the device's last heartbeat was recorded, epoch ms; null: never. */
  lastSeen: number | null;
  /** When the device was registered, epoch ms; null: the record lacks it. */
  registeredAt: number | null;
  metadataJson: string;
  /**
   * The time since the device was last seen or, if it was never seen, since its registration, seconds; null: the record
   * lacks both.
   */
  ageSeconds: number | null;
}

const DEFAULT_OLDER_THAN_MS = 3_600_000;

/**
 * Yields the stale devices, the longest silent first. A device that was never seen is silent since its registration; one
 * whose record lacks that too comes first. A stale device may be online, if its TTL is longer than `olderThan`.
 * @throws DevstateError CONNECTION, BAD_RECORD, USAGE
 */
export function staleDevices(fleet: Fleet, options: StaleOptions = {}): AsyncGenerator<StaleDevice> {
  return flatten(staleChunks(fleet, options));
}

/**
 * Yields the stale devices in chunks, in the order of `staleDevices`.
 * @throws DevstateError CONNECTION, BAD_RECORD, USAGE
 */
export async function* staleChunks(
  fleet: Fleet,
  options: StaleOptions = {},
): AsyncGenerator<readonly StaleDevice[]> {
  const { olderThan = DEFAULT_OLDER_THAN_MS, never = true, type, withMetadata = false, onProgress } = options;
  const now = await readFleetTime(fleet);
  const cutoff = now - olderThan;
  const { exclusive, longestTtl } = await fleet.settings();
  const isIndexed = exclusive && type === undefined;
  const fields: readonly FieldName[] = [
    'type',
    'lastSeen',
    'registered',
    ...(withMetadata ? (['metadata'] as const) : []),
  ];
  const toStaleDevice = staleDeviceMapper(now);

  // Without the index, `candidates` reports the progress, because it reads a field of every record. The reader reads
  // only the devices that may be stale, so its counts would be too low, and its own report is turned off.
  const readerOptions = isIndexed ? options : { ...options, onProgress: () => {} };
  const read = deviceReader(fleet, fields, readerOptions, 'unread');
  async function* staleAmong(ids: AsyncIterable<string[]>): AsyncGenerator<StaleDevice[]> {
    for await (const devices of read(ids)) {
      const stale = devices.filter(
        (device) => (never || device.lastSeen !== null) && (silentSince(device) ?? 0) <= cutoff,
      );
      yield (await withLiveness(fleet, stale)).map(toStaleDevice);
    }
  }
  // Yields the ids of devices that may be stale. For most devices one field of the record shows that they are not, so
  // the other fields are read only of the remaining devices.
  async function* candidates(): AsyncGenerator<string[]> {
    let readCount = 0;
    for await (const ids of prefetch(registeredIds(fleet, type))) {
      yield await possiblyUnseenSince(fleet, ids, cutoff);
      readCount += ids.length;
      onProgress?.(readCount);
    }
  }

  if (!isIndexed) {
    yield await sortAll(staleAmong(candidates()), bySilence);
    return;
  }
  // The deadline of a device is its last heartbeat plus its TTL, and no TTL is longer than `longestTtl`. So no stale
  // device has a deadline after `maxDeadline`.
  const range = { maxDeadline: cutoff + longestTtl, maxLastSeen: cutoff, never };
  yield* mergePartitions(fleet, (partition) => bySilenceFromIndex(partition, range, staleAmong), bySilence);
}

/**
 * Returns the ids of devices that may not have been seen after `moment` (epoch ms). Only the field `lastSeen` of the
 * fleet's dialect is read. A record that lacks the field, as one in the other dialect does, counts as possibly unseen.
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
 * Returns a function that makes a `StaleDevice` from a device. To save memory, since a million of them may have to be
 * sorted in memory, it drops all other fields and uses one string object for all devices of a type.
 */
function staleDeviceMapper(now: number): (device: DeviceRecord) => StaleDevice {
  const types = new Map<string, string>();
  return (device) => {
    const { deviceId, deviceType, status, lastSeen, registeredAt, metadataJson } = device;
    const since = silentSince(device);
    if (deviceType !== null && !types.has(deviceType)) types.set(deviceType, deviceType);
    return {
      deviceId,
      deviceType: deviceType === null ? null : (types.get(deviceType) as string),
      status,
      lastSeen,
      registeredAt,
      metadataJson,
      ageSeconds: since === null ? null : Math.max(0, now - since) / 1000,
    };
  };
}
