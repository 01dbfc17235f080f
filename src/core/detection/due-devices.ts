/** A detector's look at the index of a partition. */
import type { Partition } from '../store/partition.js';
import { DUE } from '../store/scripts.js';

/** Work stamps the pulse and may open a hold, leave takes the detector off it. */
export type DueMode = 'work' | 'look' | 'leave';

/** What a look finds; times on the server's clock, ms. */
export interface DueDevices {
  now: number;
  /** Until when no verdict is passed; 0: never was. */
  holdUntil: number;
  /** The next deadline; 0: none. */
  next: number;
  due: string[];
}

/** @param limit how many that are due it may name */
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
