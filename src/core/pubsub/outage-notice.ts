/**
 * Reports an outage that several parts (partitions, connections) can have at the same time: its
 * start once, with the first part, and its end once, when no part has it any more.
 */
import { SharedCondition } from '../async/shared-condition.js';
import type { DevstateError } from '../model/errors.js';

export interface OutageListener {
  /** Called when a connection is lost or the server refuses for now. It is being retried. */
  onLost?: (error: DevstateError) => void;
  /** Called when everything that was lost works again. */
  onResumed?: () => void;
}

export class OutageNotice {
  readonly #condition = new SharedCondition<unknown>();
  readonly #listener: OutageListener;

  constructor(listener: OutageListener) {
    this.#listener = listener;
  }

  /** Whether at least one part has the outage. */
  get isActive(): boolean {
    return this.#condition.isActive;
  }

  /**
   * Calls `onLost` with this error, unless the outage was reported already.
   * @param part the part that is affected; not needed where there is only one
   */
  begin(error: DevstateError, part?: unknown): void {
    if (this.#condition.begin(part)) this.#listener.onLost?.(error);
  }

  /** Calls `onResumed` if this was the last affected part. Has no effect on a part that was not affected. */
  end(part?: unknown): void {
    if (this.#condition.end(part)) this.#listener.onResumed?.();
  }
}
