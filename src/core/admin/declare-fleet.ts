/**
 * Declares the layout of a fleet in the hash `devices:meta`: the number of its partitions, its dialect, and whether
 * other programs write to it.
 */

import { mapConcurrently } from '../async/settled.js';
import type { Dialect } from '../model/device.js';
import { DevstateError, usageError } from '../model/errors.js';
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
  /** Whether devices have logins of their own (`DeclaredSettings`). */
  deviceLogins: boolean;
}

export interface DeclareOptions extends Pick<QueryOptions, 'onProgress'> {
  /** Who writes to the fleet. Not given: as declared so far; a new fleet is shared. */
  writers?: Writers;
  /** Whether devices have logins of their own. Not given: as declared so far; in a new fleet they have none. */
  deviceLogins?: boolean;
  /** The number of partitions, from 1 to `MAX_PARTITIONS`. Not given: as declared so far; a new fleet has one. */
  partitions?: number;
}

const LAYOUT_VERSION = 1;

/**
 * Declares the layout of a fleet, and returns it. If the fleet becomes exclusive, or `deviceLogins` is given as true, its
 * index is corrected first, because from then on queries or detectors rely on it.
 * @throws DevstateError CONFLICT: the fleet has devices, so the number of partitions cannot change; BAD_RECORD:
 *   the index cannot be corrected; USAGE: read-only, one partition on a cluster, or exclusive with device logins; CONNECTION
 */
export async function declareFleet(fleet: Fleet, options: DeclareOptions = {}): Promise<FleetLayout> {
  fleet.assertWritable('init');
  const partitions = await partitionsToDeclare(fleet, options.partitions);
  const { dialect, exclusive, deviceLogins: hadLogins } = await fleet.settings();
  const writers = options.writers ?? (exclusive ? 'exclusive' : 'shared');
  const { deviceLogins = hadLogins } = options;
  if (writers === 'exclusive' && deviceLogins)
    throw usageError(
      'a fleet whose devices have logins of their own is shared: devices do not update the index',
    );
  const layout: FleetLayout = { version: LAYOUT_VERSION, partitions, dialect, writers, deviceLogins };
  if ((writers === 'exclusive' && !exclusive) || options.deviceLogins) {
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
  const declaration = { ...layout, declaredDialect: dialect, deviceLogins: deviceLogins ? 1 : 0 };
  await anyPartition.run(DECLARE, declaration, []);
  fleet.invalidateSettings();
  return layout;
}

async function partitionsToDeclare(fleet: Fleet, requested: number | undefined): Promise<number> {
  const declared = await fleet.declared();
  await assertMayDeclare(fleet, declared.partitions);
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

/**
 * Fails for a user who is no operator. A detector may write the settings too, because Redis 6.2 cannot permit reading a
 * key alone, so a command is sent that only operators may send. The id "-" is never registered.
 * @throws DevstateError CONNECTION: permission refused
 */
async function assertMayDeclare(fleet: Fleet, partitions: number): Promise<void> {
  const [first] = fleet.layOutPartitions(partitions) as [Partition, ...Partition[]];
  await first.ask('sismember', first.keys.registered, '-');
}

/** Returns whether the fleet has a registered device. @param partitions the number of its partitions */
async function hasDevices(fleet: Fleet, partitions: number): Promise<boolean> {
  for (const { keys } of fleet.layOutPartitions(partitions)) {
    if ((await fleet.ask('exists', keys.registered)) === 1) return true;
  }
  return false;
}

export function partitionsText(count: number): string {
  return count === 1 ? 'one partition' : `${count} partitions`;
}
