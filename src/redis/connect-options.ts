/** Options and closing of the connections of the command line: to one server, by Sentinel, to a cluster. */

import { linkAbort, onAbort } from '../core/async/abort.js';
import { closeConnection } from '../core/store/close-connection.js';
import type { Connection } from '../core/store/connection.js';

export interface ConnectOptions {
  /** The request timeout; also the most time that connecting may take, ms. */
  timeoutMs: number;
  /**
   * When the signal is aborted, connecting fails at once, and an established connection is closed 500 ms later.
   */
  signal: AbortSignal;
  /**
   * Called when the connection was lost before the answer to a request, and at each failed attempt to reconnect. Not
   * called when the server closed an idle connection, which is then made again, and not after `signal` has aborted.
   */
  onLost?: (() => void) | undefined;
}

/** The time between an abort and the closing of the connection, ms. */
const GRACE_MS = 500;

/**
 * Returns a signal that aborts with `signal`, or after `timeoutMs`. `end` must be called when it is no longer needed.
 */
export function limitedSignal(signal: AbortSignal, timeoutMs: number): { signal: AbortSignal; end(): void } {
  const linked = linkAbort(signal);
  const timer = setTimeout(() => linked.abort(), timeoutMs);
  return {
    signal: linked.signal,
    end() {
      clearTimeout(timer);
      linked.unlink();
    },
  };
}

/** Closes the connection 500 ms after the signal is aborted: until then a command may need it to clean up. */
export function closeOnAbort(signal: AbortSignal, connection: Connection): void {
  const close = () => setTimeout(() => closeConnection(connection), GRACE_MS).unref();
  connection.once('end', onAbort(signal, close));
}
