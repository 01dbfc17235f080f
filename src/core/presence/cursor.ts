/**
 * Where a reader of presence events is: a place in the log of each partition, in one text
 * that is the id of the event it read last, and after which it goes on.
 *
 *   <ms>-<seq>                            one partition: the entry's id in the log
 *   <ms>-<seq>@<partition>.<the others>   several: behind the entry, the places in the others
 *   <ms>-<seq>@<partition>                an entry alone, as who announced it knows it; the
 *                                         others are begun with what was logged at its moment
 *
 * The others are base64url, in the order of the partitions: for each a varint of 8 times
 * how far it is from the entry's ms, plus 4 if that is later, plus its kind: 0 behind the
 * entry with seq 0, 1 behind the one with the seq that follows as a varint, 2 at a moment.
 */
import { DevstateError, quote } from '../model/errors.js';

/** Behind an entry of a log; or at a moment, with all that was logged from then on ahead. */
export interface LogPosition {
  /** The entry's, or the first that the moment may have. */
  readonly id: string;
  readonly ms: number;
  readonly seq: number;
  readonly isMoment: boolean;
}

/** Of ms and of seq: eight times as much is a number without loss. */
const MOST = 999_999_999_999_999;
/** What an event's id looks like; whether it is one in a fleet, `parsePosition` tells. */
export const CURSOR_PATTERN = /^(0|[1-9]\d{0,14})-(0|[1-9]\d{0,14})(?:@(0|[1-9]\d{0,8})(?:\.([\w-]+))?)?$/;
/** No entry's id, and before all that are. */
const BEGINNING = '0-0';

/** Two varints, bytes. */
const LONGEST_PLACE = 16;
const [ENTRY, ENTRY_WITH_SEQ, MOMENT] = [0, 1, 2];

export function positionAt(moment: number): LogPosition {
  const ms = Math.min(Math.max(0, Math.floor(moment)), MOST);
  return { id: `${ms}-0`, ms, seq: 0, isMoment: true };
}

/** @param id an entry's, as Redis gives it */
export function positionAfter(id: string): LogPosition {
  const [ms = 0, seq = 0] = id.split('-').map(Number);
  return { id, ms, seq, isMoment: false };
}

export function isBefore(a: LogPosition, b: LogPosition): boolean {
  return a.ms < b.ms || (a.ms === b.ms && a.seq < b.seq);
}

/** The id of an entry in the log of one of `count` partitions. */
export function entryId(id: string, partition: number, count: number): string {
  return count === 1 ? id : `${id}@${partition}`;
}

/** The id of the event that was read last, from this partition. */
export function formatCursor(places: readonly LogPosition[], partition: number): string {
  const own = places[partition] as LogPosition;
  const id = entryId(own.id, partition, places.length);
  return places.length === 1 ? id : `${id}.${othersText(places, partition, own)}`;
}

/** Where the events after this one begin. @throws DevstateError USAGE */
export function parseCursor(text: string, count: number): LogPosition[] {
  if (text === BEGINNING) return new Array<LogPosition>(count).fill(positionAt(0));
  const [, ms, seq, partition, others] = CURSOR_PATTERN.exec(text) ?? [];
  if (ms === undefined || (partition === undefined) !== (count === 1)) throw noPosition(text, count);
  const own = positionAfter(`${ms}-${seq}`);
  const number = Number(partition ?? 0);
  const places =
    others === undefined
      ? new Array<LogPosition>(count - 1).fill(positionAt(own.ms))
      : parseOthers(Buffer.from(others, 'base64url'), own);
  places.splice(number, 0, own);
  const isWhole = number < count && places.length === count && places.every(isPossible);
  if (!isWhole || (others !== undefined && formatCursor(places, number) !== text))
    throw noPosition(text, count);
  return places;
}

function isPossible({ ms, seq }: LogPosition): boolean {
  return ms >= 0 && ms <= MOST && seq <= MOST;
}

function noPosition(text: string, count: number): DevstateError {
  const fleet = count === 1 ? 'a fleet in one partition' : `a fleet in ${count} partitions`;
  return new DevstateError('USAGE', `${quote(text, 60)} is no event's id of ${fleet}`, {
    reason: 'UNKNOWN_EVENT_ID',
  });
}

function othersText(places: readonly LogPosition[], partition: number, own: LogPosition): string {
  const bytes = Buffer.allocUnsafe(LONGEST_PLACE * places.length);
  let end = 0;
  for (let i = 0; i < places.length; i++) {
    if (i === partition) continue;
    const { ms, seq, isMoment } = places[i] as LogPosition;
    const distance = ms - own.ms;
    const kind = isMoment ? MOMENT : seq === 0 ? ENTRY : ENTRY_WITH_SEQ;
    end = putVarint(bytes, end, 8 * Math.abs(distance) + (distance > 0 ? 4 : 0) + kind);
    if (kind === ENTRY_WITH_SEQ) end = putVarint(bytes, end, seq);
  }
  return bytes.toString('base64url', 0, end);
}

/** What is not as `othersText` writes it comes out as another text than it was. */
function parseOthers(bytes: Buffer, own: LogPosition): LogPosition[] {
  const places: LogPosition[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const packed = varint();
    const distance = Math.floor(packed / 8);
    const kind = packed % 4;
    const ms = own.ms + (packed % 8 >= 4 ? distance : -distance);
    const seq = kind === ENTRY_WITH_SEQ ? varint() : 0;
    places.push({ id: `${ms}-${seq}`, ms, seq, isMoment: kind === MOMENT });
  }
  return places;
}

/** Seven bits a byte, the lowest first; all but the last have the eighth set. Gives where it ends. */
function putVarint(bytes: Buffer, at: number, value: number): number {
  let end = at;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[end++] = 128 + (rest % 128);
  bytes[end++] = rest;
  return end;
}
