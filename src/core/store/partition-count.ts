/** A check for feeds and detectors, which run for days and work on the partitions that they found at their start. */
import { DevstateError } from '../model/errors.js';
import type { Fleet } from './fleet.js';
import { isTransient } from './redis-errors.js';

/**
 * Checks that the fleet still has this many partitions: otherwise its keys are elsewhere, and the caller would find
 * no devices. If the server that knows cannot be reached now, nothing is thrown.
 * @throws DevstateError CONFLICT: the fleet was declared with another number of partitions
 */
export async function assertPartitionCount(fleet: Fleet, count: number): Promise<void> {
  const partitions = await declaredPartitions(fleet);
  if (partitions === undefined || partitions === count) return;
  const message = `the number of partitions was changed: it is ${partitions}, not ${count}`;
  throw new DevstateError('CONFLICT', message, { reason: 'PARTITIONS_CHANGED' });
}

async function declaredPartitions(fleet: Fleet): Promise<number | undefined> {
  try {
    return (await fleet.declared()).partitions;
  } catch (error) {
    if (isTransient(error)) return undefined;
    throw error;
  }
}
