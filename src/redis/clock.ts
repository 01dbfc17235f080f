/**
 * Estimates a server's clock from its newest TIME or STALE reply; the estimate may be early, never late, because a
 * reply arrives later than the server read its clock. Moments are those of `performance.now()`, which does not jump
 * when this machine's clock is set.
 */
import type { ServerClock } from '../core/store/link.js';

export class Clock implements ServerClock {
  /** The server's time minus `performance.now()`, ms. */
  #offset: number | undefined;
  /** When the clock was set last; of `performance.now()`. */
  #setAt = 0;

  /** How long ago the clock was set, ms. Meanwhile the two clocks may have drifted apart. */
  get ageMs(): number {
    return performance.now() - this.#setAt;
  }

  timeAt(moment: number): number | undefined {
    return this.#offset === undefined ? undefined : Math.floor(moment + this.#offset);
  }

  reset(serverTime: number): void {
    this.#setAt = performance.now();
    this.#offset = serverTime - this.#setAt;
  }
}
