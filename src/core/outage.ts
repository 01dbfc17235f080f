/** An outage, of whatever it is made up, is told once, and its end once. */
import type { DevstateError } from './errors.js';

export interface OutageListener {
  /** A connection was lost, or is of no use for now; it is tried again. */
  onLost?: (error: DevstateError) => void;
  /** All are back. */
  onResumed?: () => void;
}

export class Outage {
  #lasts = false;
  readonly #listener: OutageListener;

  constructor(listener: OutageListener) {
    this.#listener = listener;
  }

  get lasts(): boolean {
    return this.#lasts;
  }

  begin(error: DevstateError): void {
    if (!this.#lasts) this.#listener.onLost?.(error);
    this.#lasts = true;
  }

  end(): void {
    if (this.#lasts) this.#listener.onResumed?.();
    this.#lasts = false;
  }
}
