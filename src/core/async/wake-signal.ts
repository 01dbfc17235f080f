/**
 * Lets a loop wait until a message arrives (`wake` is called), a time limit passes, or the loop's AbortSignal aborts.
 * If `wake` is called while the loop is not waiting, the next `wait` returns at once, so that no message is missed;
 * several calls of `wake` before that `wait` count as one.
 */
import { onAbort } from './abort.js';

export class WakeSignal {
  /** True: the AbortSignal has aborted, so the loop must end. False: the loop goes on. */
  isStopped: boolean;
  #isWoken = false;
  #resolveWait: (() => void) | undefined;
  #abandonWork: (() => void) | undefined;
  #stoppedAt = performance.now();
  readonly #removeListener: () => void;

  constructor(signal: AbortSignal | undefined) {
    this.isStopped = signal?.aborted ?? false;
    this.#removeListener = onAbort(signal, () => this.#stop());
  }

  wake(): void {
    this.#isWoken = true;
    this.#resolveWait?.();
  }

  /**
   * Waits until `wake` is called or the AbortSignal aborts.
   * @param ms the longest time to wait, ms; undefined: no limit
   */
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

  /**
   * Waits for `ms`, or until the AbortSignal aborts. Calls of `wake` do not end this wait, and are forgotten.
   */
  async sleep(ms: number): Promise<void> {
    const end = performance.now() + ms;
    for (let left = ms; left > 0 && !this.isStopped; left = end - performance.now()) await this.wait(left);
  }

  /**
   * Returns the result of the work; undefined if the work is not done `graceMs` after the AbortSignal aborted. The work
   * is not cancelled. `orAborted` must not be called while an earlier call still waits: an abort would end only the
   * later call.
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

  /**
   * Removes the listener from the AbortSignal. The loop must call it at its end, because the signal may live longer.
   */
  close(): void {
    this.#removeListener();
  }

  #stop(): void {
    this.isStopped = true;
    this.#stoppedAt = performance.now();
    this.wake();
    this.#abandonWork?.();
  }
}
