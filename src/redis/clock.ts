/**
 * Estimates a server's clock from the times that its replies tell. The estimate may be early, never late, because a reply
 * arrives later than the server read its clock. Moments are those of `performance.now()`, which does not jump when this
 * machine's clock is set.
 */
import type { ServerClock } from '../core/store/link.js';

export class Clock implements ServerClock {
  /** The server's time minus `performance.now()`, ms. */
  #offset: number | undefined;
  /** When a reply last told the time; of `performance.now()`. */
  #toldAt = 0;

  /** How long ago a reply told the time, ms. Meanwhile the two clocks may have drifted apart. */
  get ageMs(): number {
    return performance.now() - this.#toldAt;
  }

  timeAt(moment: number): number | undefined {
    return this.#offset === undefined ? undefined : Math.floor(moment + this.#offset);
  }

  renew(serverTime: number, sentAt: number): void {
    this.#toldAt = performance.now();
    const earliest = serverTime - this.#toldAt;
    const latest = serverTime + 1 - sentAt;
    // The true offset is between the two. An estimate from a faster reply is kept while it is between them, because it
    // is closer.
    if (this.#offset === undefined || this.#offset < earliest || this.#offset > latest)
      this.#offset = earliest;
  }

  /** Forgets the time: the next reply may be of another server. */
  reset(): void {
    this.#offset = undefined;
  }
}
