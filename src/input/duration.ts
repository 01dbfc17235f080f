/** Parses durations such as `90s`, `1h30m` and `0.5` (seconds) to whole milliseconds; and counts. */

import { quote, usageError } from '../core/model/errors.js';
import { validTtl } from '../core/model/heartbeat.js';

const NUMBER = String.raw`(\d+(?:\.\d+)?)`;
const SECONDS = new RegExp(`^${NUMBER}$`);
const WITH_UNITS = new RegExp(
  `^(?=.)${['d', 'h', 'm', 's', 'ms'].map((unit) => `(?:${NUMBER}${unit})?`).join('')}$`,
);
const UNIT_MS = [86_400_000, 3_600_000, 60_000, 1000, 1] as const;
/** Ten years: a longer TTL is a mistake in the unit. */
const MAX_TTL_MS = 3650 * 86_400_000;

/**
 * Returns milliseconds; a number without a unit is seconds.
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

/** Returns the TTL of a heartbeat in ms: at least 1 ms, at most 3650 days. @throws DevstateError USAGE */
export function parseTtl(text: string): number {
  return ttlFromInput(parseDuration(text));
}

/**
 * The limits of the command line, narrower than the library's: a TTL has no fraction of a millisecond and is
 * at most 3650 days.
 * @throws DevstateError USAGE
 */
export function ttlFromInput(ms: number): number {
  if (!Number.isInteger(ms)) throw usageError('a TTL must be a whole number of milliseconds');
  if (ms > MAX_TTL_MS) throw usageError('a TTL must be at most 3650d');
  return validTtl(ms);
}

/** Like `parseDuration`, but returns undefined for text that is not a duration. */
export function durationMs(text: string): number | undefined {
  const seconds = SECONDS.exec(text)?.[1];
  const counts = seconds === undefined ? WITH_UNITS.exec(text)?.slice(1) : [0, 0, 0, seconds];
  if (counts === undefined) return undefined;
  const ms = UNIT_MS.reduce((sum, unit, i) => sum + Number(counts[i] ?? 0) * unit, 0);
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : undefined;
}

/**
 * Returns a whole number of at least 1.
 * @throws DevstateError USAGE
 */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^[1-9]\d*$/.test(text) || !Number.isSafeInteger(count)) {
    throw usageError(`bad count ${quote(text)}: it must be a whole number, at least 1`);
  }
  return count;
}
