/**
 * Declares the layout of a fleet in the hash `devices:meta`: the number of its partitions, its dialect, and whether
 * other programs write to it.
 */

import { mapConcurrently } from '../async/settled.js';
import type { Dialect } from '../model/device.js';
import { DevstateError } from '../model/errors.js';
import type { QueryOptions } from '../query/device-reader.js';
import { PARTITIONS_AT_ONCE } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { DECLARE } from '../store/scripts.js';
import { alignIndex } from './align-index.js';

/**
 * Who writes to a fleet.
 * - shared: other programs may write too, without updating the index; so queries read the record and the heartbeat key
 *   of each device
 * - exclusive: only devstate writes, so the index is right and queries may use it alone
 */
export type Writers = 'shared' | 'exclusive';

export interface FleetLayout {
  /** The version of the layout of keys and fields in Redis; always 1 so far. */
  version: number;
  /** The number of partitions; 1: the fleet is not partitioned, so it cannot be on a cluster. */
  partitions: number;
  dialect: Dialect;
  writers: Writers;
}

export interface DeclareOptions extends Pick<QueryOptions, 'onProgress'> {
  /** Who writes to the fleet. Not given: as declared so far; a new fleet is shared. */
  writers?: Writers;
  /** The number of partitions, from 1 to `MAX_PARTITIONS`. Not given: as declared so far; a new fleet has one. */
  partitions?: number;
}

const LAYOUT_VERSION = 1;

/**
 * Declares the layout of a fleet, and returns it. If the fleet becomes exclusive, its index is corrected first, because
 * from then on queries rely on it.
 * @throws DevstateError CONFLICT: the fleet has devices, so the number of partitions cannot change; BAD_RECORD:
 *   the index cannot be corrected; USAGE: read-only, or one partition on a cluster; CONNECTION
 */
export async function declareFleet(fleet: Fleet, options: DeclareOptions = {}): Promise<FleetLayout> {
  fleet.assertWritable('init');
  const partitions = await partitionsToDeclare(fleet, options.partitions);
  const { dialect, exclusive } = await fleet.settings();
  const writers = options.writers ?? (exclusive ? 'exclusive' : 'shared');
  const layout: FleetLayout = { version: LAYOUT_VERSION, partitions, dialect, writers };
  if (writers === 'exclusive' && !exclusive) {
    let done = 0;
    const onProgress = (count: number) => {
      done += count;
      options.onProgress?.(done);
    };
    await mapConcurrently(
      fleet.layOutPartitions(partitions),
      (partition) => alignIndex(partition, onProgress),
      PARTITIONS_AT_ONCE,
    );
  }
  const [anyPartition] = fleet.layOutPartitions(partitions) as [Partition, ...Partition[]];
  await anyPartition.run(DECLARE, { ...layout, declaredDialect: dialect }, []);
  fleet.invalidateSettings();
  return layout;
}

async function partitionsToDeclare(fleet: Fleet, requested: number | undefined): Promise<number> {
  const declared = await fleet.declared();
  // Devices are looked for even if the number of partitions stays. The search fails for a user whom Redis denies the
  // set of registered ids, and such a user must not declare the fleet.
  const inUse = await hasDevices(fleet, declared.partitions);
  const partitions = requested ?? declared.partitions;
  if (inUse && partitions !== declared.partitions) {
    throw new DevstateError('CONFLICT', `the fleet holds devices in ${partitionsText(declared.partitions)}`, {
      reason: 'PARTITIONS_IN_USE',
    });
  }
  fleet.assertPartitionedOnCluster(partitions);
  return partitions;
}

/** Returns whether the fleet has a registered device. @param partitions the number of its partitions */
async function hasDevices(fleet: Fleet, partitions: number): Promise<boolean> {
  for (const { redis, keys } of fleet.layOutPartitions(partitions)) {
    if ((await fleet.send(() => redis.exists(keys.registered))) === 1) return true;
  }
  return false;
}

export function partitionsText(count: number): string {
  return count === 1 ? 'one partition' : `${count} partitions`;
}
