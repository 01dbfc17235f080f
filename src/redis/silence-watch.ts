/**
 * Detects that a server has stopped answering, and resets the connection, so that ioredis makes a new one. A server
 * that hangs, or a network that silently drops packets, closes no connection: the kernel would report the loss only
 * after about 15 minutes. So a probe is sent, a command that every server answers at once. T stands for the request
 * timeout.
 */
import type { Redis } from 'ioredis';
import { isRetryable } from '../core/store/reply-errors.js';
import { isAnswer } from './answers.js';
import { resetConnection } from './sockets.js';

/** A connection is reset if no byte has come for this part of T since the probe. */
const SILENT_SHARE = 1 / 2;
/** A connection is reset if the probe has no answer after this part of T, even if bytes still arrive. */
const UNANSWERED_SHARE = 1;
/** How often a watched connection is looked at, as a part of T. */
const TICK_SHARE = 1 / 8;

interface Probe {
  sentAt: number;
  isAnswered: boolean;
}

export class SilenceWatch {
  readonly #client: Redis;
  readonly #timeoutMs: number;
  readonly #sendProbe: () => Promise<unknown>;
  #probe: Probe | undefined;
  #bytesRead = 0;
  /** When the newest byte was noticed, ms of `performance.now()`. */
  #heardAt = 0;
  /** When `tick` was called last; of `performance.now()`. */
  #tickedAt = 0;

  /** @param sendProbe sends a command that the server answers at once; an error reply is an answer too */
  constructor(client: Redis, timeoutMs: number, sendProbe: () => Promise<unknown>) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
    this.#sendProbe = sendProbe;
  }

  /** Whether the newest probe was answered. */
  get isAnswered(): boolean {
    return this.#probe?.isAnswered === true;
  }

  /** Forgets what was sent on the previous connection. Must be called when the client has connected. */
  restart(): void {
    this.#probe = undefined;
  }

  /**
   * Sends a probe, if none is waiting for its answer. Resets the connection if no byte has come for T / 2 since the
   * probe, or if the probe has no answer after T, even if bytes still arrive.
   * @param pauseMs the least time between two probes, ms
   */
  tick(pauseMs: number): void {
    if (!['connect', 'ready'].includes(this.#client.status)) return;
    const now = performance.now();
    // After a pause of this process, such as a long computation, what has come in meanwhile may not have been read yet.
    if (this.#probe && now - this.#tickedAt > 3 * tickMs(this.#timeoutMs)) this.#probe.sentAt = now;
    this.#tickedAt = now;
    const { bytesRead } = this.#client.stream as { bytesRead?: number };
    if (bytesRead !== this.#bytesRead) this.#heardAt = now;
    this.#bytesRead = bytesRead ?? 0;
    const probe = this.#probe;
    if (probe && !probe.isAnswered) {
      const silentMs = now - Math.max(probe.sentAt, this.#heardAt);
      const isDead =
        silentMs >= this.#timeoutMs * SILENT_SHARE ||
        now - probe.sentAt >= this.#timeoutMs * UNANSWERED_SHARE;
      if (isDead) resetConnection(this.#client);
    } else if (!probe || now - probe.sentAt >= pauseMs) this.#begin(now);
  }

  #begin(now: number): void {
    const probe: Probe = { sentAt: now, isAnswered: false };
    this.#probe = probe;
    const onAnswer = () => {
      probe.isAnswered = true;
    };
    this.#sendProbe().then(onAnswer, (error: unknown) => {
      if (isAnswer(error) || isRetryable(error)) onAnswer();
    });
  }
}

/** Returns the time between two calls of `SilenceWatch.tick`, ms. */
export function tickMs(timeoutMs: number): number {
  return Math.max(timeoutMs * TICK_SHARE, 10);
}
