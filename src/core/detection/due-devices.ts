/** Reads from the index of a partition which devices are due: those whose deadline has passed. */
import type { Partition } from '../store/partition.js';
import { DUE } from '../store/scripts.js';

/**
 * The longest time that a detector waits between two reads of a partition's index, ms. It must stay well below 3 s:
 * after more than 3 s without any contact to a partition, the next script would take the gap for an outage and start a
 * hold.
 */
export const MAX_READ_INTERVAL_MS = 1000;

/**
 * How the index is read. `work`: by a running detector, whose time is written to the pulse (the key
 * `devices:pulse`); may start a hold. `look`: by a sweep; nothing is written. `leave`: by a detector that
 * ends; it is removed from the pulse, so that its absence is not taken for an outage.
 */
export type DueMode = 'work' | 'look' | 'leave';

/** What a read of the index found. All times are epoch ms, by the clock of the server. */
export interface DueDevices {
  now: number;
  /** The end of the last hold, which may be in the past; 0: there was no hold. */
  holdUntil: number;
  /** The earliest deadline that has not passed; during a hold, 1 ms after its end; 0: no such time was found. */
  next: number;
  /** The ids of the devices that are due. */
  due: string[];
}

/**
 * Reads from the index of a partition which devices are due.
 * @param honourHold true: during a hold no device is reported as due; false: devices are reported also then
 * @param limit the largest number of devices to return
 * @throws DevstateError CONNECTION, BAD_RECORD, USAGE (the fleet is read-only)
 */
export async function fetchDue(
  partition: Partition,
  mode: DueMode,
  honourHold: boolean,
  limit: number,
): Promise<DueDevices> {
  const { longestTtl } = await partition.settings();
  const args = { longestTtl, mode, honourHold: honourHold ? 1 : 0, limit };
  const { now, reply } = await partition.run(DUE, args, []);
  const [holdUntil, next, ...due] = reply as string[];
  return { now, holdUntil: Number(holdUntil), next: Number(next), due };
}

/**
 * Returns the time until the index is to be read again, ms. A device is due only when its deadline has passed, so
 * the index is read 1 ms after the next deadline, but after `MAX_READ_INTERVAL_MS` at the latest.
 */
export function msUntilNextRead({ now, next }: DueDevices): number {
  if (next === 0) return MAX_READ_INTERVAL_MS;
  return Math.min(Math.max(next - now, 0) + 1, MAX_READ_INTERVAL_MS);
}
