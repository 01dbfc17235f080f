/** What all ways to connect have in common: what is asked of them, how they end, what is said where they fail. */
import { DevstateError } from '../core/model/errors.js';
import { closeConnection } from '../core/store/close-connection.js';
import type { Connection } from '../core/store/fleet.js';
import { networkReason, toDevstateError } from '../core/store/redis-errors.js';
import type { Target } from './target-url.js';

export interface ConnectOptions {
  /** For connecting and for each command, ms. */
  timeoutMs: number;
  /** Comes back after a loss; commands wait for it within their timeout. */
  persistent: boolean;
  /** Gives up: at once, or once connected, soon. */
  signal: AbortSignal;
  /** A persistent client has lost its connection; called again with each attempt to come back. */
  onLost?: (() => void) | undefined;
}

const USUAL_HINT = 'start redis-server, or name yours with --url or DEVSTATE_URL; "devstate demo" needs none';
const LONGEST_PAUSE_MS = 1000;
/** What a command has to end what it has begun, even if the server is gone. */
const GRACE_MS = 500;
/** How long a connection that is closed already may keep the process (ioredis waits for its end again). */
const LINGER_MS = 100;

/** For ioredis: of every connection that commands are sent on. */
export const DEFAULT_OPTIONS = {
  disconnectTimeout: LINGER_MS,
  enableReadyCheck: false, // INFO is denied to many users; a server that loads says so itself
  disableClientInfo: true, // and so is CLIENT
  maxRetriesPerRequest: null,
} as const;

/** Sentinels may be behind for a moment. */
export const REPLICA = new DevstateError('CONNECTION', 'it is a replica');
export const TIMED_OUT = new DevstateError('CONNECTION', 'timed out');

/** Before an attempt to come back, ms. */
export function retryDelay(attempt: number): number {
  return Math.min(50 * 2 ** attempt, LONGEST_PAUSE_MS);
}

/** The connection ends with the signal, soon. */
export function closeOnAbort(signal: AbortSignal, connection: Connection): void {
  const giveUp = () => setTimeout(() => closeConnection(connection), GRACE_MS).unref();
  signal.addEventListener('abort', giveUp, { once: true });
  connection.once('end', () => signal.removeEventListener('abort', giveUp));
}

/** It has not spoken, or not as a master. */
export function isUnreachable(reason: unknown): boolean {
  return reason === REPLICA || (reason instanceof Error && networkReason(reason) !== null);
}

/** @param connected to a port at least */
export function unreachable(
  { shown, options, nodes }: Target,
  reason: unknown,
  connected: boolean,
): DevstateError {
  const known = toDevstateError(reason);
  let { message, hint } = known;
  const kind = nodes ? '-cluster' : '';
  if (options.sentinels && isUnreachable(reason)) {
    message = `no master where the sentinels say: ${message}`;
    hint = 'give them the time to name another: --request-timeout';
  } else if (message === 'timed out') {
    if (options.tls) hint = `see whether it is well, and speaks TLS: a plain port wants redis${kind}://`;
  } else if (connected && isUnreachable(reason)) {
    message = 'it hung up without an answer';
    hint = options.tls ? "see the server's log" : `a port that speaks TLS wants rediss${kind}://`;
  }
  hint ??= known.code === 'CONNECTION' ? USUAL_HINT : 'check the URL';
  return new DevstateError('CONNECTION', `cannot reach ${shown}: ${message}`, { cause: known, hint });
}
