/** Reads from the index of a partition which devices are due: those whose deadline has passed. */
import type { Partition } from '../store/partition.js';
import { DUE } from '../store/scripts.js';

/**
 * The longest time that a detector waits between two reads of a partition's index, ms. It must stay well below 2 s:
 * after more than 2 s without any contact to a partition, the next script would take the gap for an outage.
 */
export const MAX_READ_INTERVAL_MS = 1000;

/**
 * How the index is read. `work`: by a running detector, whose time is written to the pulse (the key
 * `devices:pulse`); may note an outage. `look`: by a sweep; nothing is written. `leave`: by a detector that
 * ends; it is removed from the pulse, so that its absence is not taken for an outage.
 */
export type DueMode = 'work' | 'look' | 'leave';

export interface DueOptions {
  /** The largest number of devices to return. */
  limit: number;
  /** Only devices with a later deadline (epoch ms) are returned; default 0: all. */
  after?: number;
  /**
   * True: the detector itself was stopped before, so the time without a step is not an outage. False (default): it was
   * not.
   */
  isStalled?: boolean;
}

/** What a read of the index found. All times are epoch ms, by the clock of the server. */
export interface DueDevices {
  now: number;
  /** The earliest deadline that has not passed; 0: no such time was found. */
  next: number;
  /** All due devices with deadlines up to this, epoch ms, were returned, by this read or by earlier ones up to `after`. */
  reached: number;
  /** Names the last outage, and tells whether the fleet is silent. While it stays the same, held devices stay held. */
  outage: string;
  /** True: the last outage is that the clock was set back. False: it is another one, or there was none. */
  isSetBack: boolean;
  /** The ids of the devices that are due, earliest deadline first. */
  due: string[];
}

/**
 * Reads from the index of a partition which devices are due.
 * @throws DevstateError CONNECTION, BAD_RECORD, USAGE (the fleet is read-only)
 */
export async function fetchDue(
  partition: Partition,
  mode: DueMode,
  { limit, after = 0, isStalled = false }: DueOptions,
): Promise<DueDevices> {
  const { longestTtl } = await partition.settings();
  const args = { longestTtl, mode, isStalled: isStalled ? 1 : 0, after, limit };
  const { now, reply } = await partition.run(DUE, args, []);
  const [next, reached, outage = '', isSetBack, ...due] = reply as string[];
  return { now, next: Number(next), reached: Number(reached), outage, isSetBack: isSetBack === '1', due };
}

/**
 * Returns the time until the index is to be read again, ms. A device is due only when its deadline has passed, so
 * the index is read 1 ms after the next deadline, but after `MAX_READ_INTERVAL_MS` at the latest.
 */
export function msUntilNextRead({ now, next }: Pick<DueDevices, 'now' | 'next'>): number {
  if (next === 0) return MAX_READ_INTERVAL_MS;
  return Math.min(Math.max(next - now, 0) + 1, MAX_READ_INTERVAL_MS);
}
