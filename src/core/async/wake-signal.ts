/** Wakes a loop: rung by messages, by time, by the end. A ring while nobody waits is kept. */
export class WakeSignal {
  /** The signal has aborted: the loop is to end. */
  stopped: boolean;
  #rung = false;
  #wake: (() => void) | undefined;
  #giveUp: (() => void) | undefined;
  #stoppedAt = performance.now();
  readonly #signal: AbortSignal | undefined;
  readonly #stop = () => {
    this.stopped = true;
    this.#stoppedAt = performance.now();
    this.wake();
    this.#giveUp?.();
  };

  constructor(signal: AbortSignal | undefined) {
    this.stopped = signal?.aborted ?? false;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#stop, { once: true });
  }

  wake(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Until it rings, `ms` at most where given. */
  async wait(ms?: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#rung = false;
  }

  /** So long, whatever rings, unless it is stopped. What rings meanwhile is not kept. */
  async sleep(ms: number): Promise<void> {
    const end = performance.now() + ms;
    for (let left = ms; left > 0 && !this.stopped; left = end - performance.now()) await this.wait(left);
  }

  /** What comes of it; undefined `grace` ms after the stop, though Redis may not have answered. */
  orAborted<T>(work: Promise<T>, grace = 0): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      let patience: NodeJS.Timeout | undefined;
      const giveUp = () => {
        const left = this.#stoppedAt + grace - performance.now();
        if (left <= 0) resolve(undefined);
        else patience ??= setTimeout(resolve, left, undefined);
      };
      const settled = () => {
        clearTimeout(patience);
        if (this.#giveUp === giveUp) this.#giveUp = undefined;
      };
      this.#giveUp = giveUp;
      work.finally(settled).then(resolve, reject);
      if (this.stopped) giveUp();
    });
  }

  close(): void {
    this.#signal?.removeEventListener('abort', this.#stop);
  }
}
