/** Counts the requests of a link that have no answer yet, and regularly has the link checked for silence meanwhile. */
import { tickMs } from './silence-watch.js';

export interface UnansweredRequestsOptions {
  /** The request timeout of a client that devstate made, ms; undefined: the caller made it, so it is not checked. */
  ownTimeoutMs?: number | undefined;
  /** Called when the connection was lost before the answer to a request. */
  onLost?: (() => void) | undefined;
}

export class UnansweredRequests {
  readonly #options: UnansweredRequestsOptions;
  readonly #checkSilence: () => void;
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param checkSilence called regularly while there are unanswered requests */
  constructor(options: UnansweredRequestsOptions, checkSilence: () => void) {
    this.#options = options;
    this.#checkSilence = checkSilence;
  }

  /** Notes that a request was sent. */
  add(): void {
    const { ownTimeoutMs } = this.#options;
    this.#count += 1;
    if (ownTimeoutMs === undefined || this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#tick(), tickMs(ownTimeoutMs)).unref();
  }

  /** Notes that a request was answered, or has failed. @param isLost whether the connection was lost before the answer */
  remove(isLost: boolean): void {
    this.#count -= 1;
    if (isLost) this.#options.onLost?.();
  }

  #tick(): void {
    if (this.#count > 0) this.#checkSilence();
    else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
