/** The ids of registered devices, and how many there are. */
import { validType } from '../model/identifiers.js';
import { mapPartitions } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import { concatPartitions } from '../store/merge-partitions.js';
import type { Partition } from '../store/partition.js';
import { scanSet } from '../store/set-scan.js';

/** Returns the number of registered devices. @throws DevstateError CONNECTION, BAD_RECORD, USAGE */
export async function countRegistered(fleet: Fleet): Promise<number> {
  const counts = await mapPartitions(fleet, (partition) =>
    partition.send(() => partition.redis.scard(partition.keys.registered)),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * Yields all registered ids in chunks; with a type, the ids in the set of that type. The set may hold devices that have
 * another type by now, so the caller must check the record.
 * @throws DevstateError USAGE, CONNECTION, BAD_RECORD
 */
export function registeredIds(fleet: Fleet, type?: string): AsyncGenerator<string[]> {
  if (type !== undefined) validType(type);
  return concatPartitions(fleet, (partition) => registeredIdsIn(partition, type));
}

/** The same for one partition. @throws DevstateError CONNECTION, BAD_RECORD */
export function registeredIdsIn(partition: Partition, type?: string): AsyncGenerator<string[]> {
  if (type !== undefined) validType(type);
  const { keys } = partition;
  return scanSet(partition, type === undefined ? keys.registered : keys.type(type));
}
