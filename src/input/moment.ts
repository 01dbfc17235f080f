/**
 * Parses points in time: a duration ago (`15m`), RFC 3339, or milliseconds since the epoch. A duration ago becomes a
 * time only with the server's clock, so text is parsed first, before anything is connected.
 */
import { quote, usageError } from '../core/model/errors.js';
import { durationMs } from './duration.js';

const RFC3339 =
  /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?([Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))?)?$/;
/** A number of at least 12 digits is milliseconds since the epoch; a shorter number is seconds ago. */
const EPOCH_MS = /^\d{12,}$/;

/** A point in time: ms since the epoch, or ms before now. */
export type Moment = { at: number } | { agoMs: number };

/** Parses a point in time. @throws DevstateError USAGE: the text is not one */
export function parseMoment(text: string): Moment {
  const at = calendar(text) ?? epoch(text);
  if (at !== undefined) return { at: Math.max(0, at) };
  const agoMs = EPOCH_MS.test(text) ? undefined : durationMs(text);
  if (agoMs === undefined) {
    throw usageError(
      `bad moment ${quote(text)}`,
      'moments are a duration ago (15m, 2h), 2026-11-24T10:00:00Z (UTC without a zone), or epoch milliseconds',
    );
  }
  return { agoMs };
}

/**
 * Returns a point in time as ms since the epoch; one before 1970 becomes 0.
 * @param readNow reads the server's time, ms since the epoch; called only if it is needed
 */
export async function momentTime(moment: Moment, readNow: () => Promise<number>): Promise<number> {
  return 'at' in moment ? moment.at : Math.max(0, (await readNow()) - moment.agoMs);
}

function calendar(text: string): number | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [, day, time = '00:00', seconds = '00', fraction = '', , sign = '+', hours = '0', minutes = '0'] =
    match;
  const canonical = `${day}T${time}:${seconds}.${fraction.slice(0, 3).padEnd(3, '0')}Z`;
  const date = new Date(canonical);
  // Date turns 30 February into 2 March instead of failing. So a date that Date does not print as it was given is
  // refused.
  if (Number.isNaN(date.getTime()) || date.toISOString() !== canonical) return undefined;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return date.getTime() - (sign === '+' ? offset : -offset);
}

function epoch(text: string): number | undefined {
  const ms = Number(text);
  return EPOCH_MS.test(text) && Number.isFinite(new Date(ms).getTime()) ? ms : undefined;
}
