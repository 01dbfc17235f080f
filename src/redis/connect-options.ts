/** What connections to one server, by Sentinel and to a cluster have in common: their options, and how they end. */

import { closeConnection } from '../core/store/close-connection.js';
import type { Connection } from '../core/store/connection.js';

export interface ConnectOptions {
  /** For connecting, and for each command. */
  timeoutMs: number;
  /** Reconnects after a loss; meanwhile commands wait, up to their timeout. */
  persistent: boolean;
  /** Aborts connecting at once, and closes an established connection after a short grace period. */
  signal: AbortSignal;
  /** Called when a persistent connection is lost, and again at each failed attempt to reconnect. */
  onLost?: (() => void) | undefined;
}

const MAX_RECONNECT_DELAY_MS = 1000;
/** The time between an abort and closing: a command may still send what it needs to clean up. */
const GRACE_MS = 500;
/** ioredis waits this long for the server to close its side of a connection, and keeps the process alive meanwhile. */
const DISCONNECT_TIMEOUT_MS = 100;

/** For ioredis: the options of every connection that sends commands. */
export const DEFAULT_OPTIONS = {
  disconnectTimeout: DISCONNECT_TIMEOUT_MS,
  enableReadyCheck: false, // it sends INFO, which many users may not; a server that is loading says so in its replies
  disableClientInfo: true, // it sends CLIENT SETINFO, which many users may not
  maxRetriesPerRequest: null,
} as const;

/** The pause before the n-th attempt to reconnect: 100 ms, doubled each time up to 1 s. */
export function reconnectDelayMs(attempt: number): number {
  return Math.min(50 * 2 ** attempt, MAX_RECONNECT_DELAY_MS);
}

/** Closes the connection a grace period after the signal is aborted. */
export function closeOnAbort(signal: AbortSignal, connection: Connection): void {
  const close = () => setTimeout(() => closeConnection(connection), GRACE_MS).unref();
  signal.addEventListener('abort', close, { once: true });
  connection.once('end', () => signal.removeEventListener('abort', close));
}
