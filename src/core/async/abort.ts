/**
 * Listening to AbortSignals. `AbortSignal.any` is not used: in Node 20 a signal that it has made from
 * `AbortSignal.timeout` may never abort once garbage was collected.
 */
import { onEvent } from './shared-listener.js';

/**
 * Calls `listener` once, when the signal aborts; never if it has aborted already.
 * @returns a function that removes the listener. It must be called when the listener is no longer needed, unless the
 *   signal is of no further use either.
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  return signal && !signal.aborted ? onEvent(signal, 'abort', listener) : () => {};
}

export interface LinkedAbort {
  readonly signal: AbortSignal;
  /** Aborts the signal, and not those that it follows. */
  abort(): void;
  /** Stops following the other signals. It must be called when the signal is no longer needed. */
  unlink(): void;
}

/** Makes a signal that aborts as soon as one of the others does, with its reason. */
export function linkAbort(...signals: readonly (AbortSignal | undefined)[]): LinkedAbort {
  const controller = new AbortController();
  const removals = signals.map((signal) => {
    if (signal?.aborted) controller.abort(signal.reason);
    return onAbort(signal, () => controller.abort(signal?.reason));
  });
  return {
    signal: controller.signal,
    abort: () => controller.abort(),
    unlink() {
      for (const remove of removals) remove();
    },
  };
}
