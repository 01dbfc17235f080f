/** Reads from the index of a partition which devices are due: those whose deadline has passed. */
import type { Partition } from '../store/partition.js';
import { DUE } from '../store/scripts.js';

/**
 * A detector reads the index of each partition at least this often. The script treats a much longer
 * silence of all devstate programs as an outage, and starts a hold.
 */
export const MAX_READ_INTERVAL_MS = 1000;

/**
 * `work`: the read of a running detector; it stamps the pulse (`devices:pulse`) and may start a hold.
 * `look`: the read of a sweep; it writes nothing. `leave`: removes the detector from the pulse.
 */
export type DueMode = 'work' | 'look' | 'leave';

/** What a read of the index found. Times are of the server's clock, epoch ms. */
export interface DueDevices {
  now: number;
  /** The end of the hold, which may be in the past; 0: there was none. */
  holdUntil: number;
  /** The next deadline; 0: no device has one. */
  next: number;
  /** The ids of the devices that are due. */
  due: string[];
}

/**
 * Reads the index.
 * @param honourHold true: during a hold no device is reported as due
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
  const [now, holdUntil, next, ...due] = (await partition.run(DUE, args, [])) as string[];
  return { now: Number(now), holdUntil: Number(holdUntil), next: Number(next), due };
}

/**
 * Returns the time until the index is to be read again, ms. A device is due only when its deadline has passed, so
 * the read comes 1 ms after the deadline.
 */
export function msUntilNextRead({ now, next }: DueDevices): number {
  if (next === 0) return MAX_READ_INTERVAL_MS;
  return Math.min(Math.max(next - now, 0) + 1, MAX_READ_INTERVAL_MS);
}
