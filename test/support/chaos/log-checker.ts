/**
 * Holds the log of presence events against what the simulated devices know they did. Each device is replayed
 * as a small automaton over its own operations, in their order, and the events of its log, in theirs: all
 * events must be explained by the operations, and all operations must have had the events that they owe.
 *
 * Exact: an answered heartbeat says when it was executed, until when it holds and whether the device had
 * lapsed, so the events between two answered heartbeats follow: nothing, or `offline` at
 * the old deadline and `online` at the new beat. A goodbye's moment lies between sending and answer.
 *
 * What cannot be known, and is left open:
 * - whether an operation that was not answered was done: either outcome is right, at any moment between its
 *   sending and the loss; after one that was done without an event, the deadline is known as an interval;
 * - whether a device that lapsed and beat again during a hold had been announced offline before the hold
 *   began: it may have resumed silently. That no `timeout` is announced during a hold, is exact;
 * - around a deadline, whether the key was there: a script's clock is not the one that keys expire by. Then
 *   the answer's `wasOffline` is believed, and must agree with the log.
 */
import type { PresenceEvent } from '../../../src/core/model/device.js';

export type Operation =
  | { kind: 'beat'; ttl: number; sent: number; done: number; reply?: BeatReply }
  | { kind: 'goodbye'; sent: number; done: number; reply?: { wasOnline: boolean } };
interface BeatReply {
  at: number;
  expiresAt: number;
  wasOffline: boolean;
}

/** When verdicts were held: certainly, and possibly. Both ends count. */
export interface Hold {
  certain: Span;
  possible: Span;
}
export type Span = readonly [from: number, to: number];

/**
 * A script's TIME against the clock that its keys expire and its log entries count by: it may be interrupted
 * in between. An audit that reads the deadline back from the TTL then moves it by as much.
 */
const CLOCK_MS = 100;

interface State {
  /** The next event to be explained. */
  next: number;
  online: boolean;
  /** When the heartbeat key runs out. */
  key: Span | null;
}

/** What was acknowledged in this span may be lost: it stands as if it had not been answered. */
export function doubt(operations: readonly Operation[], [from, to]: Span): Operation[] {
  return operations.map((operation) => {
    if (operation.done < from || operation.sent > to) return operation;
    const { reply: _, ...unanswered } = operation;
    return unanswered;
  });
}

/** What is wrong with a device's events; null: nothing. `alive`: it holds a heartbeat at the end. */
export function complaint(
  operations: readonly Operation[],
  events: readonly PresenceEvent[],
  holds: readonly Hold[],
  alive: boolean,
): string | null {
  const malformed = chainComplaint(events);
  if (malformed) return malformed;
  const replay = new Replay(events, holds);
  let states: State[] = [{ next: 0, online: false, key: null }];
  for (const [i, operation] of operations.entries()) {
    const following = distinct(states.flatMap((state) => replay.after(state, operation)));
    if (following.length === 0) return describe(operations.slice(Math.max(0, i - 3), i + 1), states, events);
    states = following;
  }
  const ends = states.flatMap((state) => replay.lapsing(state, Number.POSITIVE_INFINITY));
  const right = ends.some(({ next, online }) => next === events.length && online === alive);
  return right ? null : describe([], states, events);
}

/** Whatever the devices did: alternating from `online` on, seq from 1, each pointing to the one before it. */
function chainComplaint(events: readonly PresenceEvent[]): string | null {
  for (const [i, { seq, status, timestamp, previousAt }] of events.entries()) {
    const before = events[i - 1]?.timestamp ?? null;
    const due = i % 2 === 0 ? 'online' : 'offline';
    if (seq !== i + 1) return `event ${i + 1} has seq ${seq}`;
    if (status !== due) return `event ${i + 1} is ${status}`;
    if (previousAt !== before)
      return `event ${i + 1} says the one before it was at ${previousAt}, not ${before}`;
    if (before !== null && timestamp < before) return `event ${i + 1} is before the one before it`;
  }
  return null;
}

class Replay {
  readonly #events: readonly PresenceEvent[];
  readonly #holds: readonly Hold[];

  constructor(events: readonly PresenceEvent[], holds: readonly Hold[]) {
    this.#events = events;
    this.#holds = holds;
  }

  /** The states that may follow; none: the events contradict the operation. */
  after(state: State, operation: Operation): State[] {
    const { sent, done } = operation;
    if (operation.kind === 'beat') {
      const { reply, ttl } = operation;
      if (reply) return this.lapsing(state, reply.at).flatMap((from) => this.#beat(from, reply));
      return [state, ...this.lapsing(state, done).flatMap((from) => this.#lostBeat(from, sent, done, ttl))];
    }
    const goodbye = this.lapsing(state, done).flatMap((from) =>
      this.#goodbye(from, sent, done, operation.reply?.wasOnline),
    );
    return operation.reply ? goodbye : [state, ...goodbye];
  }

  /** The state itself, and as it is once a timeout was announced, by `before` at the latest. */
  lapsing(state: State, before: number): State[] {
    const event = this.#events[state.next];
    if (!state.online || !state.key || event?.reason !== 'timeout') return [state];
    const [from, to] = state.key;
    const logged = loggedAt(event);
    const fits =
      event.timestamp >= from - CLOCK_MS &&
      event.timestamp <= to + CLOCK_MS &&
      logged > from - CLOCK_MS &&
      logged <= before + CLOCK_MS &&
      !this.#holds.some(({ certain }) => overlaps(certain, logged, logged));
    return fits ? [state, { next: state.next + 1, online: false, key: null }] : [state];
  }

  #beat(state: State, { at, expiresAt, wasOffline }: BeatReply): State[] {
    if (wasOffline ? !mayBeGone(state, at) : !mayBeThere(state, at)) return [];
    const key: Span = [expiresAt, expiresAt];
    if (!state.online) return this.#expect(state, 'heartbeat', at, at, () => key);
    return wasOffline && !this.#mayHold(at, at) ? [] : [{ ...state, key }];
  }

  #lostBeat(state: State, sent: number, done: number, ttl: number): State[] {
    if (!state.online) return this.#expect(state, 'heartbeat', sent, done, (at) => [at + ttl, at + ttl]);
    const possible = mayBeThere(state, sent) || this.#mayHold(sent, done);
    return possible ? [{ ...state, key: [sent + ttl, done + ttl] }] : [];
  }

  #goodbye(state: State, sent: number, done: number, wasOnline: boolean | undefined): State[] {
    if (wasOnline === true && !(state.online && mayBeThere(state, sent))) return [];
    if (wasOnline === false && !mayBeGone(state, done)) return [];
    if (!state.online) return [state];
    if (wasOnline === false && !this.#mayHold(sent, done)) return [];
    return this.#expect(state, 'disconnect', sent, done, () => null);
  }

  #expect(
    state: State,
    reason: string,
    from: number,
    to: number,
    keyAfter: (at: number) => Span | null,
  ): State[] {
    const event = this.#events[state.next];
    if (event?.reason !== reason || event.timestamp < from || event.timestamp > to) return [];
    return [{ next: state.next + 1, online: event.status === 'online', key: keyAfter(event.timestamp) }];
  }

  #mayHold(from: number, to: number): boolean {
    return this.#holds.some(({ possible }) => overlaps(possible, from, to));
  }
}

function mayBeThere({ key }: State, at: number): boolean {
  return key !== null && at <= key[1] + CLOCK_MS;
}

function mayBeGone({ key }: State, at: number): boolean {
  return key === null || at >= key[0] - CLOCK_MS;
}

function overlaps([from, to]: Span, start: number, end: number): boolean {
  return start <= to && end >= from;
}

export function isWithin([from, to]: Span, at: number): boolean {
  return at >= from && at <= to;
}

/** When the log took it, on the server's clock. */
export function loggedAt({ id }: PresenceEvent): number {
  return Number(id?.split('-')[0]);
}

function distinct(states: readonly State[]): State[] {
  return [...new Map(states.map((state) => [JSON.stringify(state), state])).values()];
}

/** @param operations the one that does not fit, behind some before it; none: its end */
function describe(
  operations: readonly Operation[],
  states: readonly State[],
  events: readonly PresenceEvent[],
): string {
  const near = Math.min(...states.map(({ next }) => next));
  const shown = events.slice(Math.max(0, near - 1), near + 3);
  const last = operations.at(-1);
  return `${last ? JSON.stringify(last) : 'its end'} does not fit\n  after: ${JSON.stringify(operations.slice(0, -1))}\n  known: ${JSON.stringify(states)}\n  events: ${JSON.stringify(shown)}`;
}
