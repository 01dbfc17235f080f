/** Times and spans of a chaos run, ms on the clock of this machine unless said otherwise. */
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';

/** Ends are inclusive. */
export type Span = readonly [from: number, to: number];

/**
 * The tolerance between the TIME in a script and the time of its log entries and key expiry, because Redis may be
 * interrupted in between. A deadline that the audit reads from a key's TTL may be off by as much.
 */
export const CLOCK_MS = 200;

/** The request timeout of workers, detectors and watchers, ms. */
export const REQUEST_TIMEOUT_MS = 2000;

/** One change of the clock of the servers that have some partitions. */
export interface ClockStep {
  partitions: ReadonlySet<number>;
  /** By how much the clock was set forward (above 0) or back. */
  byMs: number;
  /** The real time in which it happened. */
  at: Span;
}

/** An event with real times. */
export interface RealEvent extends PresenceEvent {
  /** When it was logged. */
  logged: Span;
}

/** The time at which the event was logged, on the server's clock, ms. */
export function loggedAt({ id }: PresenceEvent): number {
  return Number(id?.split('-')[0]);
}

export function overlaps([from, to]: Span, start: number, end: number): boolean {
  return start <= to && end >= from;
}

export function isWithin([from, to]: Span, at: number): boolean {
  return at >= from && at <= to;
}

export function withTolerance([from, to]: Span): Span {
  return [from - CLOCK_MS, to + CLOCK_MS];
}
