/**
 * Checks whether the number of partitions of a fleet was changed. Feeds and detectors need it, because they run for
 * days and work on the partitions that the fleet had at their start.
 */
import type { Fleet } from './fleet.js';
import { layoutChanged } from './layout-changed.js';
import { isTransient } from './redis-errors.js';

/**
 * Checks that the fleet still has `count` partitions. After a change the devices have other keys, so the caller would
 * find none of them. While the server that holds the fleet's settings cannot be reached, nothing is checked, so that
 * the caller can go on with partitions on other servers.
 * @throws DevstateError CONFLICT: the fleet was declared with another number of partitions
 */
export async function assertPartitionCount(fleet: Fleet, count: number): Promise<void> {
  const partitions = await declaredPartitions(fleet);
  if (partitions === undefined || partitions === count) return;
  throw layoutChanged(`${partitions}, not ${count}`);
}

async function declaredPartitions(fleet: Fleet): Promise<number | undefined> {
  try {
    return (await fleet.declared()).partitions;
  } catch (error) {
    if (isTransient(error)) return undefined;
    throw error;
  }
}
