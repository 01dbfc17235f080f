/** An outage, of whatever it is made up, is told once, and its end once. */
import type { DevstateError } from '../model/errors.js';

export interface OutageListener {
  /** A connection was lost, or is of no use for now; it is tried again. */
  onLost?: (error: DevstateError) => void;
  /** All are back. */
  onResumed?: () => void;
}

export class OutageNotice {
  readonly #out = new Set<unknown>();
  readonly #listener: OutageListener;

  constructor(listener: OutageListener) {
    this.#listener = listener;
  }

  get lasts(): boolean {
    return this.#out.size > 0;
  }

  /** @param part who suffers it, where there are several: it lasts until all have ended it */
  begin(error: DevstateError, part?: unknown): void {
    const lasted = this.lasts;
    this.#out.add(part);
    if (!lasted) this.#listener.onLost?.(error);
  }

  end(part?: unknown): void {
    if (this.#out.delete(part) && !this.lasts) this.#listener.onResumed?.();
  }
}
