/** A position in the log of presence events of one partition. A log is a Redis stream. */

/** A position directly after an entry; or, if `isTime`, before the first entry that was logged at or after a time. */
export interface LogPosition {
  /** The id of the entry; for a time, the smallest id that an entry of that time can have. */
  readonly id: string;
  readonly ms: number;
  readonly seq: number;
  /** True: the position is before the first entry of the time `ms`. False: it is directly after the entry `id`. */
  readonly isTime: boolean;
}

/** The id of a position before the first entry that a log ever had. */
export const BEGINNING_ID = '0-0';

/**
 * The largest `ms` and `seq` of a position. It must stay below 2^50: packed-positions.ts multiplies a distance of up to
 * so many ms by 8, and a product of 2^53 or more would be rounded, so that an event id would contain wrong positions.
 */
export const MAX_ID_PART = 999_999_999_999_999;

/**
 * Returns the position before the first entry that was logged at or after a time.
 * @param timeMs ms since the epoch; fractions are rounded down
 */
export function positionAt(timeMs: number): LogPosition {
  const ms = Math.min(Math.max(0, Math.floor(timeMs)), MAX_ID_PART);
  return { id: `${ms}-0`, ms, seq: 0, isTime: true };
}

/** Returns the position directly after an entry. @param id the id of the entry, as Redis returns it: `<ms>-<seq>` */
export function positionAfter(id: string): LogPosition {
  const [ms = 0, seq = 0] = id.split('-').map(Number);
  return { id, ms, seq, isTime: false };
}

export function isBefore(a: LogPosition, b: LogPosition): boolean {
  return a.ms < b.ms || (a.ms === b.ms && a.seq < b.seq);
}
