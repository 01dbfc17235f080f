/**
 * Compares the presence log with what the simulated devices did. For each device, a state machine replays its
 * operations and its events in order: every event must follow from an operation, and every operation must have its
 * events.
 *
 * Known exactly: an answered heartbeat gives its time, its deadline and whether the device was offline. So between
 * two answered heartbeats there are no events, or `offline` at the old deadline and `online` at the new heartbeat.
 * A disconnect happened between its request and its reply. A failed operation was not executed.
 *
 * Unknown, so that several outcomes are accepted:
 * - an unanswered operation was executed or not, at any time between its request and the end of the call;
 *   if it was executed without an event, the deadline is known as an interval. A heartbeat without a report may have
 *   been executed several times, also if it was answered in the end, without `wasOffline`; an earlier attempt may then
 *   come after the one that was answered, until the end of the request timeout;
 * - an operation that was not answered while the server's clock was set back may be executed later, because its time
 *   limit is by that clock;
 * - a device that expired and beat again while it was held has an offline event from before, or no events. No `timeout`
 *   may be logged while a device was certainly held;
 * - a step of the server's clock forward makes keys expire early, and a step back late. No `timeout` may be logged before
 *   the deadline in real time all the same: the hold is for such times;
 * - close to a deadline, the key was there or not, because the time in a script differs from the time that keys
 *   expire by. Then the reply's `wasOffline` is used, and must agree with the log.
 */
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';
import { type Hold, isCertainlyHeld } from './holds.js';
import { withLateAttempts } from './late-attempts.js';
import {
  CLOCK_MS,
  type ClockStep,
  isWithin,
  overlaps,
  type RealEvent,
  type Span,
  withTolerance,
} from './times.js';

export type Operation =
  | (Request & {
      kind: 'beat';
      ttl: number;
      /** Whether it may have been sent, and executed, more than once. */
      mayRepeat: boolean;
      reply?: BeatReply;
    })
  | (Request & { kind: 'disconnect'; reply?: { wasOnline: boolean } });
interface Request {
  sent: number;
  done: number;
  /** Whether the caller was told that it was not executed. */
  isFailed: boolean;
}
interface BeatReply {
  at: number;
  expiresAt: number;
  /** null: it was sent more than once. */
  wasOffline: boolean | null;
}

/**
 * A key may still exist for so long after it has expired, ms: nobody reads it during an outage. If the clock is set back
 * meanwhile, it is there again.
 */
const LINGER_MS = 10_000;

/** The most attempts of one heartbeat that are tried as executed; more have the same results. */
const MOST_ATTEMPTS = 3;

interface State {
  /** The index of the next event that must follow from an operation. */
  next: number;
  online: boolean;
  /** The heartbeat key; null: there is none. */
  key: Key | null;
}
interface Key {
  ttl: number;
  /** The deadline that a timeout may tell. */
  deadline: Span;
  /** When the key expires. */
  gone: Span;
  /** Whether the clock was off when the key was written, or stepped before its end. */
  isStepped: boolean;
}

/** The operations without the replies within `span`, because a failover may have lost what was acknowledged then. */
export function withUnansweredWithin(operations: readonly Operation[], [from, to]: Span): Operation[] {
  return operations.map((operation) => {
    if (operation.done < from || operation.sent > to) return operation;
    const { reply: _, ...unanswered } = operation;
    return unanswered;
  });
}

/** The first error in a device's events, or null. `alive`: whether the device has a heartbeat key at the end. */
export function findError(
  operations: readonly Operation[],
  events: readonly RealEvent[],
  holds: readonly Hold[],
  steps: readonly ClockStep[],
  alive: boolean,
): string | null {
  const sequenceError = findSequenceError(events);
  if (sequenceError) return sequenceError;
  const replay = new Replay(events, holds, steps);
  let states: State[] = [{ next: 0, online: false, key: null }];
  const replayed = withLateAttempts(operations, steps);
  for (const [i, operation] of replayed.entries()) {
    const following = withoutDuplicates(states.flatMap((state) => replay.statesAfter(state, operation)));
    if (following.length === 0) return describe(replayed.slice(Math.max(0, i - 3), i + 1), states, events);
    states = following;
  }
  const ends = states.flatMap((state) => replay.withExpiry(state, Number.POSITIVE_INFINITY));
  const isExplained = ends.some(({ next, online }) => next === events.length && online === alive);
  return isExplained ? null : describe([], states, events);
}

/** Events must alternate from `online` on, seq must count from 1, and previousAt must be the previous timestamp. */
export function findSequenceError(events: readonly PresenceEvent[]): string | null {
  for (const [i, { seq, status, timestamp, previousAt }] of events.entries()) {
    const before = events[i - 1]?.timestamp ?? null;
    const expected = i % 2 === 0 ? 'online' : 'offline';
    if (seq !== i + 1) return `event ${i + 1} has seq ${seq}`;
    if (status !== expected) return `event ${i + 1} is ${status}`;
    if (previousAt !== before)
      return `event ${i + 1} says the one before it was at ${previousAt}, not ${before}`;
    if (before !== null && timestamp < before) return `event ${i + 1} is before the one before it`;
  }
  return null;
}

class Replay {
  readonly #events: readonly RealEvent[];
  readonly #holds: readonly Hold[];
  readonly #steps: readonly ClockStep[];

  constructor(events: readonly RealEvent[], holds: readonly Hold[], steps: readonly ClockStep[]) {
    this.#events = events;
    this.#holds = holds;
    this.#steps = steps;
  }

  /** The states that may follow the operation. An empty list means that the events contradict it. */
  statesAfter(state: State, operation: Operation): State[] {
    const { sent, done, isFailed } = operation;
    if (isFailed) return [state];
    if (operation.kind === 'beat') {
      const { reply, ttl, mayRepeat } = operation;
      if (!reply) return this.#unansweredBeats(state, sent, done, ttl, mayRepeat ? MOST_ATTEMPTS : 1);
      const earlier =
        reply.wasOffline === null
          ? this.#unansweredBeats(state, sent, reply.at, ttl, MOST_ATTEMPTS)
          : [state];
      // A script that takes long logs an event after the time that it replies, but before the reply has come.
      return earlier
        .flatMap((each) => this.withExpiry(each, Math.max(reply.at, done)))
        .flatMap((from) => this.#beat(from, reply));
    }
    const disconnected = this.withExpiry(state, done).flatMap((from) =>
      this.#disconnect(from, sent, done, operation.reply?.wasOnline),
    );
    return operation.reply ? disconnected : [state, ...disconnected];
  }

  /** The state itself and, if a timeout may have been logged until `before`, the state after it. */
  withExpiry(state: State, before: number): State[] {
    const event = this.#events[state.next];
    if (!state.online || !state.key || event?.reason !== 'timeout') return [state];
    const { deadline, ttl, isStepped } = state.key;
    const [since, until] = event.logged;
    // No event is told to be earlier than the one before it, though a deadline may be, by a clock that was behind.
    const isClipped = isStepped && event.timestamp === event.previousAt;
    const fits =
      (isClipped || isWithin(withTolerance(deadline), event.timestamp)) &&
      until > deadline[0] - CLOCK_MS &&
      since <= before + CLOCK_MS &&
      !this.#holds.some((hold) => isCertainlyHeld(hold, deadline, ttl, event.logged));
    return fits ? [state, { next: state.next + 1, online: false, key: null }] : [state];
  }

  #beat(state: State, { at, expiresAt, wasOffline }: BeatReply): State[] {
    if (wasOffline === true && !mayBeExpired(state, at)) return [];
    const key = this.#keyAfter([at, at], expiresAt - at);
    if (!state.online) return wasOffline === false ? [] : this.#expect(state, 'heartbeat', at, at, () => key);
    // A device that beats again while it is held was not offline.
    const mayContinue = wasOffline !== true && (mayExist(state, at) || this.#mayBeHeld(at, at));
    return mayContinue ? [{ ...state, key }] : [];
  }

  /** The states after none to `attempts` executions of a heartbeat without a reply. */
  #unansweredBeats(state: State, sent: number, done: number, ttl: number, attempts: number): State[] {
    let states = [state];
    for (let i = 0; i < attempts; i++) {
      const executed = states
        .flatMap((each) => this.withExpiry(each, done))
        .flatMap((from) => this.#unansweredBeat(from, sent, done, ttl));
      states = withoutDuplicates([...states, ...executed]);
    }
    return states;
  }

  #unansweredBeat(state: State, sent: number, done: number, ttl: number): State[] {
    if (!state.online)
      return this.#expect(state, 'heartbeat', sent, done, (at) => this.#keyAfter([at, at], ttl));
    const possible = mayExist(state, sent) || this.#mayBeHeld(sent, done);
    return possible ? [{ ...state, key: this.#keyAfter([sent, done], ttl) }] : [];
  }

  #disconnect(state: State, sent: number, done: number, wasOnline: boolean | undefined): State[] {
    if (wasOnline === true && !(state.online && mayExist(state, sent))) return [];
    if (wasOnline === false && !mayBeExpired(state, done)) return [];
    if (!state.online) return [state];
    if (wasOnline === false && !this.#mayBeHeld(sent, done)) return [];
    return this.#expect(state, 'disconnect', sent, done, () => null);
  }

  #expect(
    state: State,
    reason: string,
    from: number,
    to: number,
    keyAfter: (at: number) => Key | null,
  ): State[] {
    const event = this.#events[state.next];
    if (event?.reason !== reason || event.timestamp < from || event.timestamp > to) return [];
    return [{ next: state.next + 1, online: event.status === 'online', key: keyAfter(event.timestamp) }];
  }

  /** The key that a heartbeat leaves. */
  #keyAfter([from, to]: Span, ttl: number): Key {
    const due: Span = [from + ttl, to + ttl];
    const between = this.#steps.filter(({ at }) => at[1] >= from && at[0] <= due[1] + LINGER_MS);
    const forward = between.find(({ byMs }) => byMs > 0);
    const back = between.find(({ byMs }) => byMs < 0);
    const again = back && this.#steps.find(({ byMs, at }) => byMs > 0 && at[0] > back.at[1]);
    // While the clock is set back, a settle takes the heartbeat for one of that moment.
    const latest = back ? Math.max(due[1], (again?.at[1] ?? Number.POSITIVE_INFINITY) + ttl) : due[1];
    return {
      ttl,
      deadline: [due[0], latest],
      gone: [Math.min(due[0], forward?.at[0] ?? due[0]), latest],
      isStepped: between.length > 0 || this.#steps.filter(({ at }) => at[0] <= from).length % 2 === 1,
    };
  }

  #mayBeHeld(from: number, to: number): boolean {
    return this.#holds.some(({ possible }) => overlaps(possible, from, to));
  }
}

function mayExist({ key }: State, at: number): boolean {
  return key !== null && at <= key.gone[1] + CLOCK_MS;
}

function mayBeExpired({ key }: State, at: number): boolean {
  return key === null || at >= key.gone[0] - CLOCK_MS;
}

function withoutDuplicates(states: readonly State[]): State[] {
  return [...new Map(states.map((state) => [JSON.stringify(state), state])).values()];
}

/** @param operations some operations, the last of which contradicts the events; empty if the end does */
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
