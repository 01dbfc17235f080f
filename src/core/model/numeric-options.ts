/** The limits and defaults of numeric options. A value outside of them is refused before anything is sent. */
import { usageError } from './errors.js';

/**
 * The longest delay of a timer in Node.js, ms. A timer with a longer delay fires at once, so a longer wait must be
 * split into several timers.
 */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The longest duration that an option may have, ms: ten years. A longer one is most likely a mistake in the unit; as a
 * TTL it would also let a hold last for ever.
 */
export const MAX_DURATION_MS = 3650 * 86_400_000;

/** The request timeout, if the caller gives none, ms. */
export const DEFAULT_REQUEST_TIMEOUT_MS = 5000;

/**
 * Returns the value of an option.
 * @param name the name of the option, for the message of the error
 * @throws DevstateError USAGE: the value is not a number from `min` to `max`
 */
export function validNumber(name: string, value: number, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw usageError(`${name} must be a number from ${min} to ${max}, not ${String(value)}`);
}
