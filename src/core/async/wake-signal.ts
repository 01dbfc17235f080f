/**
 * Wakes a loop that waits for work: a message, a time limit, or the abort of the loop's signal. A call of `wake` while
 * the loop is not waiting is kept, so that the next `wait` returns at once; several such calls count as one.
 */
export class WakeSignal {
  /** Whether the signal has aborted: the loop must end. */
  isStopped: boolean;
  #isWoken = false;
  #resolveWait: (() => void) | undefined;
  #abandonWork: (() => void) | undefined;
  #stoppedAt = performance.now();
  readonly #signal: AbortSignal | undefined;
  readonly #stop = () => {
    this.isStopped = true;
    this.#stoppedAt = performance.now();
    this.wake();
    this.#abandonWork?.();
  };

  constructor(signal: AbortSignal | undefined) {
    this.isStopped = signal?.aborted ?? false;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#stop, { once: true });
  }

  wake(): void {
    this.#isWoken = true;
    this.#resolveWait?.();
  }

  /** Waits until `wake` is called or the signal aborts. @param ms the longest time to wait; undefined: no limit */
  async wait(ms?: number): Promise<void> {
    if (!this.#isWoken) {
      await new Promise<void>((resolve) => {
        const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
        this.#resolveWait = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#resolveWait = undefined;
    this.#isWoken = false;
  }

  /** Waits for `ms`, or until the signal aborts. Calls of `wake` during this time have no effect and are not kept. */
  async sleep(ms: number): Promise<void> {
    const end = performance.now() + ms;
    for (let left = ms; left > 0 && !this.isStopped; left = end - performance.now()) await this.wait(left);
  }

  /**
   * Returns the result of the work; undefined if the work is not done `graceMs` after the signal aborted. The work is
   * not cancelled. Only one call may be waiting at a time.
   */
  orAborted<T>(work: Promise<T>, graceMs = 0): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const abandon = () => {
        const left = this.#stoppedAt + graceMs - performance.now();
        if (left <= 0) resolve(undefined);
        else timer ??= setTimeout(resolve, left, undefined);
      };
      const settled = () => {
        clearTimeout(timer);
        if (this.#abandonWork === abandon) this.#abandonWork = undefined;
      };
      this.#abandonWork = abandon;
      work.finally(settled).then(resolve, reject);
      if (this.isStopped) abandon();
    });
  }

  /** Removes the listener from the abort signal. */
  close(): void {
    this.#signal?.removeEventListener('abort', this.#stop);
  }
}
