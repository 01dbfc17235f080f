/**
 * Parses durations such as `90s`, `1h30m` and `0.5` (seconds) to whole milliseconds; TTLs, with their limits; and
 * counts.
 */

import { quote, usageError } from '../core/model/errors.js';
import { validTtl } from '../core/model/heartbeat.js';

const NUMBER = String.raw`(\d+(?:\.\d+)?)`;
const SECONDS = new RegExp(`^${NUMBER}$`);
const WITH_UNITS = new RegExp(
  `^(?=.)${['d', 'h', 'm', 's', 'ms'].map((unit) => `(?:${NUMBER}${unit})?`).join('')}$`,
);
const UNIT_MS = [86_400_000, 3_600_000, 60_000, 1000, 1] as const;

/**
 * Parses a duration to milliseconds; a number without a unit is in seconds.
 * @throws DevstateError USAGE: the text is not a duration
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

/** Parses the TTL of a heartbeat to milliseconds: at least 1 ms, at most 3650 days. @throws DevstateError USAGE */
export function parseTtl(text: string): number {
  return ttlFromInput(parseDuration(text));
}

/**
 * Checks a TTL in ms that a user gave, and returns it. Unlike the library, it refuses a fraction of a millisecond.
 * @throws DevstateError USAGE: the TTL is outside the limits
 */
export function ttlFromInput(ms: number): number {
  if (!Number.isInteger(ms)) throw usageError('a TTL must be a whole number of milliseconds');
  return validTtl(ms);
}

/**
 * Parses a duration to milliseconds, as `parseDuration` does, but returns undefined for text that is not a
 * duration.
 */
export function durationMs(text: string): number | undefined {
  const seconds = SECONDS.exec(text)?.[1];
  const counts = seconds === undefined ? WITH_UNITS.exec(text)?.slice(1) : [0, 0, 0, seconds];
  if (counts === undefined) return undefined;
  const ms = UNIT_MS.reduce((sum, unit, i) => sum + Number(counts[i] ?? 0) * unit, 0);
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : undefined;
}

/** Parses a whole number of at least 1. @throws DevstateError USAGE: any other text */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^[1-9]\d*$/.test(text) || !Number.isSafeInteger(count)) {
    throw usageError(`bad count ${quote(text)}: it must be a whole number, at least 1`);
  }
  return count;
}
