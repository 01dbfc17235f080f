/**
 * The link to one server: lets requests pass once the server has answered TIME, and keeps those that come before in a
 * list, from which each is removed when its time is over. A port that accepts connections may belong to a server that
 * hangs, so a connection alone is not enough. The reply also tells the server's time (clock.ts). While requests are
 * unanswered, TIME is sent again as a probe for silence.
 */
import type { Redis } from 'ioredis';
import { StateMachine } from '../core/async/state-machine.js';
import { DevstateError } from '../core/model/errors.js';
import type { Link, ServerClock, WaitingRequest } from '../core/store/link.js';
import { connectionLost, timedOut } from '../core/store/network-errors.js';
import { toDevstateError } from '../core/store/redis-errors.js';
import { fitsCommand, unfittingReply } from '../core/store/replies.js';
import { isDenied, isRetryable } from '../core/store/reply-errors.js';
import { parseServerTime } from '../core/store/server-time.js';
import { isAnswer } from './answers.js';
import { Clock } from './clock.js';
import { nameConnection } from './name-connection.js';
import { SilenceWatch } from './silence-watch.js';
import { resetConnection } from './sockets.js';
import { Subscribers } from './subscribers.js';
import { UnansweredRequests } from './unanswered-requests.js';

/**
 * - CLOSED: not connected
 * - CHECKING: connected; the server has not answered yet
 * - OPEN: the server has answered, so requests are sent
 */
const LinkModes = { CLOSED: 'CLOSED', CHECKING: 'CHECKING', OPEN: 'OPEN' } as const;
type LinkMode = (typeof LinkModes)[keyof typeof LinkModes];
const { CLOSED, CHECKING, OPEN } = LinkModes;

/** The least time between two probes while requests are unanswered, as a part of T. */
const PROBE_PAUSE_SHARE = 1 / 4;
/** The pause before TIME is sent again to a server that cannot answer it yet, such as one that runs a script, ms. */
const CHECK_AGAIN_MS = 100;
/** If no reply has told the time for this long, ms, TIME is sent with the next request, for those after it. */
const CLOCK_AGE_MS = 10_000;
/** The first pause between two reconnections after READONLY, ms; doubled for each further one, up to T. */
const FIRST_LEAVE_PAUSE_MS = 50;

export interface ServerLinkOptions {
  /**
   * The request timeout T, ms, of a client that devstate made: its connection is reset when the server falls silent.
   * Undefined: the caller made the client, so its connection is never reset.
   */
  ownTimeoutMs?: number;
  /** Called when the connection was lost before the answer to a request. */
  onLost?: (() => void) | undefined;
  /** The name of the connections. */
  name?: string | undefined;
  /** Sends further commands together with the first TIME. If it rejects, the connection is made again. */
  verify?: (client: Redis) => Promise<void>;
}

export class ServerLink implements Link {
  readonly client: Redis;
  readonly #options: ServerLinkOptions;
  readonly #clock = new Clock();
  readonly clockOf = (): ServerClock => this.#clock;
  readonly #mode = new StateMachine<LinkMode>('link', CLOSED, {
    CLOSED: [CHECKING],
    CHECKING: [OPEN, CLOSED],
    OPEN: [CLOSED],
  });
  readonly #waiting = new Set<WaitingRequest>();
  /** The callers of `answered`, which are also in `#waiting`; a LOADING or BUSY reply resolves them. */
  readonly #awaitingAnswer = new Set<WaitingRequest>();
  readonly #subscribers: Subscribers;
  readonly #watch: SilenceWatch | undefined;
  /** The stream of the connection that was checked last. */
  #checkedStream: unknown = null;
  #failure: unknown;
  /** True: the next failure replaces `#failure`; false: later failures are its consequences. */
  #isNewAttempt = true;
  /** The attempts to connect since the link was open. */
  #attempts = 0;
  #answerTimer: NodeJS.Timeout | undefined;
  readonly #unanswered: UnansweredRequests;
  #leftReplicaAt = Number.NEGATIVE_INFINITY;
  #leavePauseMs = FIRST_LEAVE_PAUSE_MS;

  constructor(client: Redis, options: ServerLinkOptions = {}) {
    const { ownTimeoutMs, name } = options;
    this.client = client;
    this.#options = options;
    this.#unanswered = new UnansweredRequests(options, () => this.checkSilence());
    this.#subscribers = new Subscribers(client, name);
    if (ownTimeoutMs !== undefined)
      this.#watch = new SilenceWatch(client, ownTimeoutMs, () => this.#readTime());
    client.on('ready', () => this.#onReady());
    client.on('connect', () => this.#startAnswerTimeout());
    client.on('close', () => this.#onClose());
    client.on('end', () => this.#refuseAll());
    client.on('error', (error: unknown) => this.#fail(error));
    client.on('connecting', () => {
      this.#isNewAttempt = true;
    });
    if (client.status === 'ready') this.#onReady();
  }

  /** Why no request can be sent: an error of ioredis or of this link; undefined: there is none. */
  get failure(): unknown {
    return this.#failure;
  }

  /** The attempts to connect since the link was open; a connection without an answer does not count as open. */
  get attempts(): number {
    return this.#attempts;
  }

  get problem(): DevstateError | undefined {
    if (this.#failure === undefined) return undefined;
    const error = toDevstateError(this.#failure);
    // Whatever keeps a client from being connected, such as a database that does not exist, is of the connection.
    return error.code === 'INTERNAL'
      ? new DevstateError('CONNECTION', error.message, { cause: error })
      : error;
  }

  get isOpen(): boolean {
    return this.#mode.mode === OPEN && this.client.status === 'ready';
  }

  whenOpen(_key: string | undefined, request: WaitingRequest): () => void {
    if (this.isOpen) {
      if (this.#clock.ageMs > CLOCK_AGE_MS) this.#readTime().catch(() => {}); // a lost connection fails the request too
      request.onOpen(this.#clock);
    } else if (this.client.status === 'end') request.onRefused(this.problem ?? connectionLost());
    else {
      this.#waiting.add(request);
      if (this.client.status === 'wait') this.client.connect().catch(() => {}); // the event `error` says why it failed
    }
    return () => this.#waiting.delete(request);
  }

  /**
   * Connects, and resolves when the server has answered, perhaps only that it cannot serve requests yet.
   * @throws DevstateError CONNECTION: the connection was refused or closed
   */
  answered(): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = { onOpen: () => resolve(), onRefused: reject };
      this.#awaitingAnswer.add(request);
      this.whenOpen(undefined, request);
    });
  }

  onSent(): void {
    this.#unanswered.add();
  }

  onSettled(isLost: boolean): void {
    this.#unanswered.remove(isLost);
  }

  /**
   * Sends a probe, or resets a silent connection (silence-watch.ts). No effect on a client of the caller. In a cluster,
   * called for each node while requests are unanswered.
   */
  checkSilence(): void {
    const { ownTimeoutMs = 0 } = this.#options;
    this.#watch?.tick(ownTimeoutMs * PROBE_PAUSE_SHARE);
  }

  reconnectAfterReadOnly(): void {
    const { ownTimeoutMs } = this.#options;
    const sinceMs = performance.now() - this.#leftReplicaAt;
    if (ownTimeoutMs === undefined || sinceMs < this.#leavePauseMs) return;
    this.#leavePauseMs =
      sinceMs > 2 * ownTimeoutMs ? FIRST_LEAVE_PAUSE_MS : Math.min(2 * this.#leavePauseMs, ownTimeoutMs);
    this.#leftReplicaAt = performance.now();
    resetConnection(this.client);
    this.#subscribers.reconnect();
  }

  newSubscriber(...args: Parameters<Link['newSubscriber']>): Redis {
    return this.#subscribers.make(...args);
  }

  /**
   * Called when connected; it ignores a second call for the same stream: the event `ready` may come after the status is
   * `ready`.
   */
  #onReady(): void {
    if (this.client.stream === this.#checkedStream) return;
    this.#checkedStream = this.client.stream;
    this.#watch?.restart();
    nameConnection(this.client, this.#options.name);
    void this.#check();
  }

  /** Sends TIME on a new connection, and opens the link when it is answered. */
  async #check(): Promise<void> {
    const { ownTimeoutMs, verify } = this.#options;
    const { stream } = this.client;
    const isCurrent = () => this.client.stream === stream && this.client.status === 'ready';
    this.#mode.change(CHECKING);
    this.#clock.reset();
    if (!isRetryable(this.#failure)) this.#failure = undefined;
    this.#startAnswerTimeout();
    try {
      await Promise.all([this.#readTime(), verify?.(this.client)]);
      // The error events of a failed AUTH or SELECT come before the answer to TIME.
      if (this.#failure !== undefined && !isRetryable(this.#failure) && ownTimeoutMs !== undefined)
        throw this.#failure;
      if (isCurrent()) this.#setOpen();
    } catch (error) {
      if (isCurrent()) this.#onCheckFailed(error, isCurrent);
      else this.#fail(error);
    }
  }

  /** Starts the timeout for the server's answer: when the connection is made, before AUTH and the like. */
  #startAnswerTimeout(): void {
    const { ownTimeoutMs } = this.#options;
    if (ownTimeoutMs === undefined || this.#answerTimer !== undefined) return;
    const { stream } = this.client;
    const onTimeout = () => {
      if (this.client.stream !== stream || this.#mode.mode === OPEN) return;
      this.#fail(timedOut());
      resetConnection(this.client);
    };
    // The answer may have come while this process was busy: it is read before `setImmediate`.
    this.#answerTimer = setTimeout(() => setImmediate(onTimeout), ownTimeoutMs / 2);
  }

  #clearAnswerTimeout(): void {
    clearTimeout(this.#answerTimer);
    this.#answerTimer = undefined;
  }

  #onCheckFailed(error: unknown, isCurrent: () => boolean): void {
    const isOwn = this.#options.ownTimeoutMs !== undefined;
    this.#clearAnswerTimeout();
    if (isRetryable(error)) {
      this.#failure = error;
      for (const { onOpen } of this.#awaitingAnswer) onOpen(this.#clock);
      this.#awaitingAnswer.clear();
    } else {
      this.#fail(error);
      if (isOwn) {
        resetConnection(this.client);
        return;
      }
    }
    setTimeout(() => isCurrent() && void this.#check(), CHECK_AGAIN_MS).unref();
  }

  /**
   * Reads the server's time. An error reply, such as to a user who may not send TIME, gives no time, but is an answer.
   * @throws an error of ioredis: there was no answer; or the server cannot serve requests yet, or not this client
   * @throws DevstateError CONNECTION: the reply is not a time
   */
  async #readTime(): Promise<void> {
    const sentAt = performance.now();
    let reply: unknown;
    try {
      reply = await this.client.time();
    } catch (error) {
      if (!isAnswer(error)) throw error;
      return;
    }
    if (!fitsCommand('time', 0, reply)) throw unfittingReply('time');
    this.#clock.renew(parseServerTime(reply), sentAt);
  }

  #onClose(): void {
    this.#clearAnswerTimeout();
    this.#attempts += 1;
    this.#mode.change(CLOSED);
  }

  #setOpen(): void {
    this.#mode.change(OPEN);
    this.#attempts = 0;
    this.#clearAnswerTimeout();
    this.#failure = undefined;
    this.#awaitingAnswer.clear();
    const requests = [...this.#waiting];
    this.#waiting.clear();
    for (const request of requests) request.onOpen(this.#clock);
  }

  /** Keeps the first failure of each attempt to connect: those after it, such as the end of the connection, follow from it. */
  #fail(error: unknown): void {
    if (this.#isNewAttempt || this.#failure === undefined) this.#failure = error;
    this.#isNewAttempt = false;
    if (isDenied(error)) this.#refuseAll();
  }

  #refuseAll(): void {
    const error = this.problem ?? connectionLost();
    const requests = [...this.#waiting];
    this.#waiting.clear();
    this.#awaitingAnswer.clear();
    for (const request of requests) request.onRefused(error);
  }
}
