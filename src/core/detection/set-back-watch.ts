/** Notices that the clock of a server was set back, or that a server with a slower clock has taken over. */

/**
 * A reply may be delayed by this much, ms. So only a time that is earlier than expected by more shows that the clock
 * was set back.
 */
const SET_BACK_MS = 2000;

export class SetBackWatch {
  /** The server's time minus this process's monotonic time, at the last call, ms. */
  #aheadMs = Number.NEGATIVE_INFINITY;

  /** @param now the server's time, epoch ms. @returns whether it is earlier than expected from the last call */
  wasSetBack(now: number): boolean {
    const aheadMs = now - performance.now();
    const wasSetBack = this.#aheadMs - aheadMs > SET_BACK_MS;
    this.#aheadMs = aheadMs;
    return wasSetBack;
  }
}
