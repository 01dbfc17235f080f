/**
 * Who has not been seen for long. On an exclusive fleet the index says it, oldest first,
 * and the answer streams; on a shared one every registered record is looked at, because
 * other programs may have bypassed the index, and the answer is held to be sorted.
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
import { withLiveness } from './liveness.js';
import { WIDE_FIELDS } from './read-devices.js';
import { registeredIds } from './registered-ids.js';
import { byLastSeen, oldestFirst, sortAll } from './sort.js';

export interface StaleOptions extends QueryOptions {
  /** ms; 3,600,000. */
  olderThan?: number;
  /** False: leave out devices that were never seen. */
  never?: boolean;
  /** Read metadata and registration too. */
  withMetadata?: boolean;
}

export interface StaleDevice {
  deviceId: string;
  deviceType: string | null;
  status: Status;
  lastSeen: number | null;
  registeredAt: number | null;
  metadataJson: string;
  /** Since it was last seen, seconds; null: never seen. */
  ageSeconds: number | null;
}

/** Never seen first, then the oldest. */
export function staleDevices(fleet: Fleet, options: StaleOptions = {}): AsyncGenerator<StaleDevice> {
  return flatten(staleChunks(fleet, options));
}

/** The same, as they are read. */
export async function* staleChunks(
  fleet: Fleet,
  options: StaleOptions = {},
): AsyncGenerator<readonly StaleDevice[]> {
  const { olderThan = 3_600_000, never = true, type, withMetadata = false } = options;
  const now = await readFleetTime(fleet);
  const cutoff = now - olderThan;
  const { exclusive, longestTtl } = await fleet.settings();
  const indexed = exclusive && type === undefined;
  const fields: readonly FieldName[] = ['type', 'lastSeen', ...(withMetadata ? WIDE_FIELDS : [])];
  const compact = compactor(now);

  // Looked at is counted where all are: there, or here.
  const read = deviceReader(fleet, fields, indexed ? options : { ...options, onLooked: () => {} }, 'unread');
  async function* among(ids: AsyncIterable<string[]>): AsyncGenerator<StaleDevice[]> {
    for await (const devices of read(ids)) {
      const stale = devices.filter(({ lastSeen }) => (lastSeen === null ? never : lastSeen <= cutoff));
      yield (await withLiveness(fleet, stale)).map(compact);
    }
  }
  /** Without the index all have to be asked, and most are not stale: of those one field is enough. */
  async function* candidates(): AsyncGenerator<string[]> {
    let looked = 0;
    for await (const ids of prefetch(registeredIds(fleet, type))) {
      yield await possiblyUnseenSince(fleet, ids, cutoff);
      looked += ids.length;
      options.onLooked?.(looked);
    }
  }

  const part = { until: cutoff + longestTtl, cutoff, never };
  if (indexed) yield* mergePartitions(fleet, (partition) => oldestFirst(partition, part, among), byLastSeen);
  else yield await sortAll(among(candidates()), byLastSeen);
}

/**
 * The ids of devices that may have been unseen since a moment (ms), by the one field in the fleet's
 * dialect. A record that lacks the field, or is written in the other dialect, is included.
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

/** No more than is shown, each type's name once: a million rows may have to be held. */
function compactor(now: number): (device: DeviceRecord) => StaleDevice {
  const names = new Map<string, string>();
  return ({ deviceId, deviceType, status, lastSeen, registeredAt, metadataJson }) => {
    if (deviceType !== null && !names.has(deviceType)) names.set(deviceType, deviceType);
    return {
      deviceId,
      deviceType: deviceType === null ? null : (names.get(deviceType) as string),
      status,
      lastSeen,
      registeredAt,
      metadataJson,
      ageSeconds: lastSeen === null ? null : Math.max(0, now - lastSeen) / 1000,
    };
  };
}
