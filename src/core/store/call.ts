/**
 * Sends one request, and ends within the request timeout. Whether it may be sent again after a lost connection depends
 * on the request: what was sent may have been done, and a report that is sent again could replace a newer one. So a
 * write that must not be repeated is sent once, and if no answer comes, the call fails with the outcome `unknown` at
 * the end of the request timeout. By then the write can no longer be done: scripts refuse after `notAfter`.
 */
import { onEvent } from '../async/shared-listener.js';
import { DevstateError } from '../model/errors.js';
import type { Connection } from './connection.js';
import type { Link, ServerClock } from './link.js';
import { isNetworkError, isNotSent, timedOut } from './network-errors.js';
import { toDevstateError } from './redis-errors.js';
import { isUnfitting } from './replies.js';
import { isRetryable, replyCode } from './reply-errors.js';

/** The pauses before a request is sent again: the first, then doubled for each up to the longest, ms. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 200;

/**
 * - read: changes nothing, so it may be sent again at once
 * - repeatable: a write that may be sent again, because doing it twice gives the same record and announces nothing
 * twice
 * - spaced: a write that may be sent again, but only when earlier attempts can no longer be done: after an attempt has
 * succeeded, the caller may do something that a delayed earlier attempt would undo
 * - once: a write that must not be sent again once it may have been done
 */
export type Repeat = 'read' | 'repeatable' | 'spaced' | 'once';

export interface CallOptions {
  /** In a cluster, the key of the request. */
  key?: string | undefined;
  repeat: Repeat;
  timeoutMs: number;
  /** Whether another request, which this one completes, may have been done already; default false. */
  isRepeated?: boolean | undefined;
}

/** One attempt to send a request. */
export interface Attempt {
  /** The time, by the server's clock, until which the request may be done, epoch ms; '': not known. */
  notAfter: number | '';
  /** Whether the request was sent before, and may have been done then. */
  isRepeated: boolean;
  /** Notes the server's time in the reply that was just received, epoch ms. */
  renewClock(serverTime: number): void;
}

/**
 * Sends a request as soon as the link is open. As long as the server replies that it cannot serve the request yet, it
 * is sent again. Rejects with an error reply or a network error as ioredis gives it, or with a DevstateError
 * CONNECTION; callers convert it (`toDevstateError`).
 */
export function call<T>(
  link: Link,
  options: CallOptions,
  send: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => new Call(link, options, send, resolve, reject).start());
}

class Call<T> {
  readonly #link: Link;
  readonly #options: CallOptions;
  readonly #send: (attempt: Attempt) => Promise<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  readonly #deadline: number;
  #timer: NodeJS.Timeout | undefined;
  #pauseTimer: NodeJS.Timeout | undefined;
  #stopWaiting: (() => void) | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  /** Whether the request, or the one that it completes, was sent and its outcome is not known. */
  #isUnknown: boolean;
  /** Until when the newest attempt may be done; of `performance.now()`. */
  #attemptEnd = 0;
  #lastError: unknown;
  #isOver = false;

  constructor(
    link: Link,
    options: CallOptions,
    send: (attempt: Attempt) => Promise<T>,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ) {
    this.#link = link;
    this.#options = options;
    this.#send = send;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#deadline = performance.now() + options.timeoutMs;
    this.#isUnknown = options.isRepeated ?? false;
  }

  start(): void {
    this.#timer = setTimeout(() => this.#fail(this.#timeoutError()), this.#options.timeoutMs);
    this.#wait();
  }

  #wait(): void {
    this.#stopWaiting = this.#link.whenOpen(this.#options.key, {
      onOpen: (clock) => this.#attempt(clock),
      onRefused: (error) => this.#fail(this.#isUnknown ? unknownOutcome(error) : error),
    });
  }

  #attempt(clock: ServerClock): void {
    const { key, repeat, timeoutMs } = this.#options;
    const isSpaced = repeat === 'spaced';
    this.#attemptEnd = isSpaced
      ? Math.min(this.#deadline, performance.now() + timeoutMs / 2)
      : this.#deadline;
    const notAfter = clock.timeAt(this.#attemptEnd) ?? '';
    const isRepeated = this.#isUnknown;
    const sentAt = performance.now();
    const renewClock = (serverTime: number) => {
      // In a cluster another node may have answered, after a redirection. Its clock may differ.
      if (key === undefined || this.#link.clockOf(key) === clock) clock.renew(serverTime, sentAt);
    };
    this.#link.onSent();
    this.#isUnknown = repeat !== 'read';
    this.#send({ notAfter, isRepeated, renewClock }).then(
      (value) => {
        this.#link.onSettled(false);
        if (this.#isOver) return;
        this.#end();
        this.#resolve(value);
      },
      (error: unknown) => this.#onError(error, renewClock, isRepeated),
    );
  }

  #onError(error: unknown, renewClock: Attempt['renewClock'], wasUnknown: boolean): void {
    const isLost = isNetworkError(error);
    const isAnswerLost = isLost && !isNotSent(error);
    this.#link.onSettled(isAnswerLost);
    if (this.#isOver) return;
    // Any other error says that this attempt was not done; an earlier one may have been.
    if (!isAnswerLost && !isUnfitting(error)) this.#isUnknown = wasUnknown;
    if (isLost || isRetryable(error)) this.#sendLater(error);
    else this.#onFinalError(error as Error, renewClock);
  }

  #onFinalError(error: Error, renewClock: Attempt['renewClock']): void {
    const code = replyCode(error.message);
    if (code === 'STALE') {
      renewClock(Number(error.message.split(' ')[1]));
      this.#sendLater(error);
      return;
    }
    if (code === 'READONLY') this.#link.reconnectAfterReadOnly();
    this.#fail(this.#isUnknown ? unknownOutcome(error) : error);
  }

  /**
   * Sends the request again after a pause. A write that must not be repeated, and may have been done, is not sent
   * again: the call ends when its time is over, because until then a server that comes back may still do the write. It
   * also ends when the client is closed.
   */
  #sendLater(error: Error): void {
    this.#lastError = error;
    if (this.#isUnknown && this.#options.repeat === 'once') {
      this.#stopWaiting = onEnd(this.#link.client, () => this.#fail(unknownOutcome(error)));
      return;
    }
    const isSpaced = this.#isUnknown && this.#options.repeat === 'spaced';
    const untilEndMs = isSpaced ? this.#attemptEnd - performance.now() + 1 : 0;
    this.#pauseTimer = setTimeout(() => this.#wait(), Math.max(this.#pauseMs, untilEndMs));
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }

  #timeoutError(): unknown {
    const error = this.#link.problem ?? this.#lastError;
    if (this.#isUnknown) return unknownOutcome(error);
    if (error === undefined || replyCode((error as Error).message) === 'STALE') return timedOut(error);
    return error;
  }

  #fail(error: unknown): void {
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#pauseTimer);
    this.#stopWaiting?.();
  }
}

/**
 * Calls `listener` once when the client is closed for good, perhaps at once.
 * @returns a function that removes the listener
 */
function onEnd(client: Connection, listener: () => void): () => void {
  if (client.status !== 'end') return onEvent(client, 'end', listener);
  listener();
  return () => {};
}

/**
 * Returns the error of a write that may have been done.
 * @param cause why there was no answer, or the error reply to a later attempt; undefined: there was no answer in time
 */
export function unknownOutcome(cause: unknown): DevstateError {
  if (isUnfitting(cause)) {
    const { code, message, reason } = cause;
    return new DevstateError(code, `${message}; it may have been done`, { reason, outcome: 'unknown' });
  }
  const problem =
    cause === undefined ? 'there was no answer in time' : 'the connection was lost before the answer';
  return new DevstateError('CONNECTION', `${problem}; it may have been done`, {
    reason: 'OUTCOME_UNKNOWN',
    outcome: 'unknown',
    cause: cause === undefined ? undefined : toDevstateError(cause),
  });
}
