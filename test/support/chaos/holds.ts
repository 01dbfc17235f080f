/** The holds of a chaos run, as the pulses of the partitions show them. */
import { CLOCK_MS, type ClockStep, type Span } from './times.js';

/** An outage that devstate has noted in a pulse, in real time. */
export interface Hold {
  outage: Span;
  /** How long the outage was by the server's clock, ms: steps of the clock belong to it. */
  lengthMs: number;
  /** When the pulse certainly showed the outage. */
  certain: Span;
  /** When devices were possibly held because of it. */
  possible: Span;
}
/** After an outage, a device is held for at most this many times the length of the outage. */
const OUTAGES_HELD = 4;
/** An outage holds a device if it lasted at least its TTL divided by this. */
const LEAST_DIVISOR = 8;

/** The longest TTL of a device in a run, ms: no hold lasts longer. */
const LONGEST_TTL_MS = 4000;
/** The pulse has 1 or this in place of the start of an outage that is not known (NO_PULSE and SET_BACK). */
const LAST_UNKNOWN_START = 2;

/** One read of a pulse: when it was sent and answered, and the outage in it, on the server's clock; all in ms. */
export interface Sample {
  sentAt: number;
  answeredAt: number;
  from: number;
  to: number;
}

/**
 * The holds that samples of one partition's pulse show. A hold begins between two samples. It is certain from the first
 * sample that shows it up to the last, and not over a step of the clock: the pulse tells nothing while it is ahead.
 */
export function holdsIn(
  samples: readonly Sample[],
  steps: readonly ClockStep[],
  real: (ms: number) => number,
): Hold[] {
  return samples.flatMap(({ sentAt, answeredAt, from, to }, i) => {
    const before = samples[i - 1];
    if (to === 0 || (before?.from === from && before.to === to) || isAhead(to, answeredAt, steps)) return [];
    const changed = samples.findIndex((later, j) => j > i && !(later.from === from && later.to >= to));
    const last = samples.at(changed === -1 ? -1 : changed - 1) as Sample;
    const nextStep = steps.find(({ at }) => at[1] >= sentAt);
    const ended = real(to);
    return [
      {
        outage: [from <= LAST_UNKNOWN_START ? 0 : real(from), ended],
        lengthMs: to - from,
        certain: [answeredAt, Math.min(last.sentAt, nextStep?.at[0] ?? last.sentAt)],
        possible: [before?.sentAt ?? ended, ended + LONGEST_TTL_MS],
      },
    ];
  });
}

/** Whether a time of the server is ahead of its clock, which was set back. */
function isAhead(ms: number, readAt: number, steps: readonly ClockStep[]): boolean {
  const shifted = steps.filter(({ at }) => at[0] <= readAt).reduce((sum, { byMs }) => sum + byMs, 0);
  return ms > readAt + shifted + CLOCK_MS;
}

/** Whether the hold is certain for a device with this deadline at all times at which the event may have been logged. */
export function isCertainlyHeld(hold: Hold, deadline: Span, ttl: number, [since, until]: Span): boolean {
  const { outage, lengthMs, certain } = hold;
  const concerns = deadline[0] > outage[0] + CLOCK_MS && deadline[1] - ttl < outage[1] - CLOCK_MS;
  const end = outage[1] + Math.min(ttl, OUTAGES_HELD * lengthMs) - CLOCK_MS;
  return (
    concerns && lengthMs * LEAST_DIVISOR >= ttl && since >= certain[0] && until <= Math.min(certain[1], end)
  );
}
