/** Reads the ids of registered devices, and how many devices are registered. */
import { validType } from '../model/identifiers.js';
import { mapPartitions } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import { concatPartitions } from '../store/merge-partitions.js';
import type { Partition } from '../store/partition.js';
import { scanSet } from '../store/set-scan.js';

/** Returns the number of registered devices. @throws DevstateError CONNECTION, BAD_RECORD, USAGE */
export async function countRegistered(fleet: Fleet): Promise<number> {
  const counts = await mapPartitions(fleet, (partition) => partition.ask('scard', partition.keys.registered));
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * Yields the ids of all registered devices, or those in the set of one type, in chunks. The set of a type may hold
 * devices whose type another program has changed, so the caller must check the type in the record.
 * @throws DevstateError USAGE, CONNECTION, BAD_RECORD
 */
export function registeredIds(fleet: Fleet, type?: string): AsyncGenerator<string[]> {
  if (type !== undefined) validType(type);
  return concatPartitions(fleet, (partition) => registeredIdsIn(partition, type));
}

/**
 * Yields the ids of the registered devices of one partition, or those in the set of one type, in chunks. The set of a
 * type may hold devices whose type another program has changed, so the caller must check the type in the record.
 * @throws DevstateError CONNECTION, BAD_RECORD
 */
export function registeredIdsIn(partition: Partition, type?: string): AsyncGenerator<string[]> {
  if (type !== undefined) validType(type);
  const { keys } = partition;
  return scanSet(partition, type === undefined ? keys.registered : keys.type(type));
}
