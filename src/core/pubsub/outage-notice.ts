/**
 * Reports an outage that several parts (partitions, connections) can have at the same time. Its start is reported once,
 * when the first part is affected, and its end once, when no part is affected any more.
 */
import { SharedCondition } from '../async/shared-condition.js';
import type { DevstateError } from '../model/errors.js';

export interface OutageListener {
  /**
   * Called when an outage begins: a connection is lost, or a server refuses requests for a reason that may pass.
   * devstate keeps trying to reach the server.
   */
  onLost?: (error: DevstateError) => void;
  /** Called when an outage ends: all affected connections and servers work again. */
  onResumed?: () => void;
}

export class OutageNotice {
  readonly #condition = new SharedCondition<unknown>();
  readonly #listener: OutageListener;

  constructor(listener: OutageListener) {
    this.#listener = listener;
  }

  /** Whether at least one part is affected by the outage. */
  get isActive(): boolean {
    return this.#condition.isActive;
  }

  /**
   * Notes that a part is affected by the outage. Calls `onLost` with the error if no part was affected before.
   * @param part the partition or connection; not given by callers that have only one
   */
  begin(error: DevstateError, part?: unknown): void {
    if (this.#condition.begin(part)) this.#listener.onLost?.(error);
  }

  /**
   * Notes that a part works again. Calls `onResumed` if the part was the last one affected; does nothing if the part
   * was not affected.
   */
  end(part?: unknown): void {
    if (this.#condition.end(part)) this.#listener.onResumed?.();
  }
}
