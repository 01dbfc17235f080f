/** Wakes a loop: rung by messages, by time, by the end. A ring while nobody waits is kept. */
export class Doorbell {
  /** The signal has aborted: the loop is to end. */
  stopped: boolean;
  #rung = false;
  #wake: (() => void) | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #stop = () => {
    this.stopped = true;
    this.ring();
  };

  constructor(signal: AbortSignal | undefined) {
    this.stopped = signal?.aborted ?? false;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#stop, { once: true });
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Until it rings, `ms` at most. */
  async wait(ms: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#rung = false;
  }

  close(): void {
    this.#signal?.removeEventListener('abort', this.#stop);
  }
}
