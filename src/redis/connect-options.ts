/** Options and closing of connections, shared by the three kinds: to one server, by Sentinel, to a cluster. */

import { closeConnection } from '../core/store/close-connection.js';
import type { Connection } from '../core/store/connection.js';
import { ServerConnector } from './server-connector.js';

export interface ConnectOptions {
  /**
   * The most time that connecting may take, ms. On a cluster it also limits how often ioredis repeats a redirected
   * command.
   */
  timeoutMs: number;
  /**
   * True: reconnects after a loss; until then commands wait, up to their own timeout. False: a connection to one
   * server ends when it is lost, and commands fail; by Sentinel and on a cluster it reconnects too.
   */
  persistent: boolean;
  /**
   * When the signal is aborted, connecting fails at once, and an established connection is closed 500 ms later, so
   * that a command can still clean up.
   */
  signal: AbortSignal;
  /** Called when a persistent connection is lost, and again at each failed attempt to reconnect. */
  onLost?: (() => void) | undefined;
}

const MAX_RECONNECT_DELAY_MS = 1000;
/**
 * The time between an abort and the closing of the connection, ms: a command may need the connection to clean up.
 */
const GRACE_MS = 500;
/**
 * How long ioredis waits for the server to close its side of a connection, ms; then it closes the connection
 * itself. The process stays alive during this time, so a longer one would delay the end of each command if the
 * server hangs.
 */
const DISCONNECT_TIMEOUT_MS = 100;

/** The options of ioredis for every connection to a server that holds devices (not for those to sentinels). */
export const DEFAULT_OPTIONS = {
  Connector: ServerConnector,
  disconnectTimeout: DISCONNECT_TIMEOUT_MS,
  enableReadyCheck: false, // the check sends INFO, which the ACL of many users denies; it is not needed, because a server that is loading its data says so in its replies
  disableClientInfo: true, // otherwise ioredis sends CLIENT SETINFO, which the ACL of many users denies
  maxRetriesPerRequest: null,
} as const;

/**
 * Returns the pause before an attempt to reconnect, ms: 100 before the first, doubled for each further one up to
 * 1000.
 */
export function reconnectDelayMs(attempt: number): number {
  return Math.min(50 * 2 ** attempt, MAX_RECONNECT_DELAY_MS);
}

/** Closes the connection 500 ms after the signal is aborted: until then a command may need it to clean up. */
export function closeOnAbort(signal: AbortSignal, connection: Connection): void {
  const close = () => setTimeout(() => closeConnection(connection), GRACE_MS).unref();
  signal.addEventListener('abort', close, { once: true });
  connection.once('end', () => signal.removeEventListener('abort', close));
}
