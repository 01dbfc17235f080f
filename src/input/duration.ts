/** Durations as people write them: `90s`, `1h30m`, `0.5`. All results are whole milliseconds. */
import { quote, usageError } from '../core/model/errors.js';

const NUMBER = String.raw`(\d+(?:\.\d+)?)`;
const PLAIN = new RegExp(`^${NUMBER}$`);
const JOINED = new RegExp(
  `^(?=.)${['d', 'h', 'm', 's', 'ms'].map((unit) => `(?:${NUMBER}${unit})?`).join('')}$`,
);
const UNIT_MS = [86_400_000, 3_600_000, 60_000, 1000, 1] as const;
const MAX_TTL_MS = 3650 * 86_400_000;

/**
 * Milliseconds; a plain number is seconds.
 * @throws DevstateError USAGE
 */
export function parseDuration(text: string): number {
  const ms = durationMs(text);
  if (ms === undefined) {
    throw usageError(
      `bad duration ${quote(text)}`,
      'durations are 500ms, 90s, 15m, 2h, 7d, joined 1h30m, or seconds',
    );
  }
  return ms;
}

/** A duration that a heartbeat may hold. */
export function parseTtl(text: string): number {
  return validTtl(parseDuration(text));
}

/**
 * @param ms of any origin
 * @throws DevstateError USAGE
 */
export function validTtl(ms: number): number {
  if (!Number.isInteger(ms) || ms < 1) throw usageError('a TTL is whole milliseconds, at least 1ms');
  if (ms > MAX_TTL_MS) throw usageError('a TTL is at most 3650d');
  return ms;
}

/** Undefined: not a duration. */
export function durationMs(text: string): number | undefined {
  const seconds = PLAIN.exec(text)?.[1];
  const counts = seconds === undefined ? JOINED.exec(text)?.slice(1) : [0, 0, 0, seconds];
  if (counts === undefined) return undefined;
  const ms = UNIT_MS.reduce((sum, unit, i) => sum + Number(counts[i] ?? 0) * unit, 0);
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : undefined;
}

/**
 * How many.
 * @throws DevstateError USAGE
 */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^[1-9]\d*$/.test(text) || !Number.isSafeInteger(count)) {
    throw usageError(`bad count ${quote(text)}: it must be a whole number, at least 1`);
  }
  return count;
}
