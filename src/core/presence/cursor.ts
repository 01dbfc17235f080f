/**
 * The ids of presence events. The id of an event that the feed returned is also a cursor: it contains
 * the position of the feed in the log of every partition, so the feed can continue after it.
 *
 *   <ms>-<seq>                        fleet with one partition: the id of the entry in the log
 *   <ms>-<seq>@<partition>.<others>   several partitions: the entry, the number of its partition, and the
 *                                     positions in the other logs in the order of the partitions, written
 *                                     as in packed-positions.ts
 *   <ms>-<seq>@<partition>            the entry and the number of its partition, as detectors print it: a
 *                                     feed then reads the logs of other partitions from the entry's time on
 *   0-0                               the beginning of every log; Redis gives no entry this id
 */
import { DevstateError, quote } from '../model/errors.js';
import { BEGINNING_ID, type LogPosition, MAX_ID_PART, positionAfter, positionAt } from './log-position.js';
import { packPositions, unpackPositions } from './packed-positions.js';

/** Matches every text that has the form of a cursor. `parseCursor` checks whether a cursor is valid in a fleet. */
export const CURSOR_PATTERN = /^(0|[1-9]\d{0,14})-(0|[1-9]\d{0,14})(?:@(0|[1-9]\d{0,8})(?:\.([\w-]+))?)?$/;

/**
 * Returns the id of the event whose log entry has the id `id`: in a fleet with several partitions, the number of the
 * partition is appended, because entries of two logs may have the same id.
 * @param count the number of partitions of the fleet
 */
export function entryId(id: string, partition: number, count: number): string {
  return count === 1 ? id : `${id}@${partition}`;
}

/**
 * Returns the cursor from which a feed can continue after an event.
 * @param positions the position of the feed in the log of each partition, directly after it returned the event
 * @param partition the number of the event's partition
 */
export function formatCursor(positions: readonly LogPosition[], partition: number): string {
  const event = positions[partition] as LogPosition;
  const id = entryId(event.id, partition, positions.length);
  if (positions.length === 1) return id;
  const others = positions.filter((_, i) => i !== partition);
  return `${id}.${packPositions(others, event.ms)}`;
}

/**
 * Returns, for the log of each partition, the position from which a feed that starts at the cursor reads.
 * @param count the number of partitions of the fleet
 * @throws DevstateError USAGE: the text is not a cursor of a fleet with `count` partitions
 */
export function parseCursor(text: string, count: number): LogPosition[] {
  if (text === BEGINNING_ID) return new Array<LogPosition>(count).fill(positionAt(0));
  const [, ms, seq, partition, others] = CURSOR_PATTERN.exec(text) ?? [];
  if (ms === undefined || (partition === undefined) !== (count === 1)) throw invalidCursor(text, count);
  const event = positionAfter(`${ms}-${seq}`);
  const number = Number(partition ?? 0);
  const positions =
    others === undefined
      ? new Array<LogPosition>(count - 1).fill(positionAt(event.ms))
      : unpackPositions(others, event.ms);
  positions.splice(number, 0, event);
  const isComplete = number < count && positions.length === count && positions.every(isInRange);
  if (!isComplete || (others !== undefined && formatCursor(positions, number) !== text))
    throw invalidCursor(text, count);
  return positions;
}

function isInRange({ ms, seq }: LogPosition): boolean {
  return ms >= 0 && ms <= MAX_ID_PART && seq <= MAX_ID_PART;
}

function invalidCursor(text: string, count: number): DevstateError {
  const fleet = count === 1 ? 'a fleet with one partition' : `a fleet with ${count} partitions`;
  return new DevstateError('USAGE', `${quote(text, 60)} is not an event id of ${fleet}`, {
    reason: 'UNKNOWN_EVENT_ID',
  });
}
