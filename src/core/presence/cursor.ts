/**
 * The ids of presence events. The id of an event that the feed returned is also a cursor: it contains
 * the position of the feed in the log of every partition, so the feed can continue after it.
 *
 *   <ms>-<seq>                        fleet with one partition: the id of the entry in the log
 *   <ms>-<seq>@<partition>.<others>   several partitions: the entry, the number of its partition, and the
 *                                     positions in the other logs in the order of the partitions, written
 *                                     as in packed-positions.ts
 *   <ms>-<seq>@<partition>            the same without positions, as detectors print it: the other logs
 *                                     are read from the entry's time on
 *   0-0                               the beginning of every log
 */
import { DevstateError, quote } from '../model/errors.js';
import { type LogPosition, MAX_ID_PART, positionAfter, positionAt } from './log-position.js';
import { packPositions, unpackPositions } from './packed-positions.js';

/** Matches the form of every cursor. `parseCursor` checks whether one is valid in a fleet. */
export const CURSOR_PATTERN = /^(0|[1-9]\d{0,14})-(0|[1-9]\d{0,14})(?:@(0|[1-9]\d{0,8})(?:\.([\w-]+))?)?$/;
/** No entry has this id. */
const BEGINNING = '0-0';

/** Returns the event id, without positions in other logs, of an entry in the log of one of `count` partitions. */
export function entryId(id: string, partition: number, count: number): string {
  return count === 1 ? id : `${id}@${partition}`;
}

/**
 * Returns the cursor of the event that was read last.
 * @param positions one for each partition
 * @param partition the partition of the event; its position is that of the event
 */
export function formatCursor(positions: readonly LogPosition[], partition: number): string {
  const event = positions[partition] as LogPosition;
  const id = entryId(event.id, partition, positions.length);
  if (positions.length === 1) return id;
  const others = positions.filter((_, i) => i !== partition);
  return `${id}.${packPositions(others, event.ms)}`;
}

/**
 * Returns the position in each log from which the events after this cursor are read.
 * @param count the number of partitions of the fleet
 * @throws DevstateError USAGE: it is not a cursor of a fleet with so many partitions
 */
export function parseCursor(text: string, count: number): LogPosition[] {
  if (text === BEGINNING) return new Array<LogPosition>(count).fill(positionAt(0));
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
