/**
 * Log positions as base64url text, for the ids of presence events. A position is written relative to the time of the
 * event: as a varint of 8 × its distance from that time in ms, + 4 if it is later than the event, + its kind:
 *
 *   0  the position is after the entry with seq 0
 *   1  the position is after the entry whose seq follows as a second varint
 *   2  the position is a time
 *
 * A varint has seven bits of the number in each byte, the lowest bits first; the eighth bit is set in
 * all bytes but the last.
 */
import type { LogPosition } from './log-position.js';

const [ENTRY, ENTRY_WITH_SEQ, TIME] = [0, 1, 2];
/**
 * The most bytes that one packed position takes: two varints, whose numbers are below 2^53 and so need at most 8 bytes
 * each. `packPositions` allocates so many bytes for each position; bytes beyond them would be lost.
 */
const MAX_POSITION_BYTES = 16;

export function packPositions(positions: readonly LogPosition[], eventMs: number): string {
  const bytes = Buffer.allocUnsafe(MAX_POSITION_BYTES * positions.length);
  let end = 0;
  for (const { ms, seq, isTime } of positions) {
    const distance = ms - eventMs;
    const kind = isTime ? TIME : seq === 0 ? ENTRY : ENTRY_WITH_SEQ;
    end = writeVarint(bytes, end, 8 * Math.abs(distance) + (distance > 0 ? 4 : 0) + kind);
    if (kind === ENTRY_WITH_SEQ) end = writeVarint(bytes, end, seq);
  }
  return bytes.toString('base64url', 0, end);
}

/** Returns the positions of a packed text. Accepts any text: to check a text, pack the result again and compare. */
export function unpackPositions(text: string, eventMs: number): LogPosition[] {
  const bytes = Buffer.from(text, 'base64url');
  const positions: LogPosition[] = [];
  let offset = 0;
  const readVarint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[offset++] ?? 0;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  while (offset < bytes.length) {
    const packed = readVarint();
    const distance = Math.floor(packed / 8);
    const kind = packed % 4;
    const ms = eventMs + (packed % 8 >= 4 ? distance : -distance);
    const seq = kind === ENTRY_WITH_SEQ ? readVarint() : 0;
    positions.push({ id: `${ms}-${seq}`, ms, seq, isTime: kind === TIME });
  }
  return positions;
}

/** Writes a number as a varint at `offset`, and returns the offset after it. */
function writeVarint(bytes: Buffer, offset: number, value: number): number {
  let end = offset;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[end++] = 128 + (rest % 128);
  bytes[end++] = rest;
  return end;
}
