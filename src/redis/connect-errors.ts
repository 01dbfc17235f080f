/** The error of a failed connection: which server, and why. */
import { DevstateError } from '../core/model/errors.js';
import { networkReason } from '../core/store/network-errors.js';
import { toDevstateError } from '../core/store/redis-errors.js';
import type { Target } from './target-url.js';

/** The server is a replica where a master was expected: for a short time after a failover the sentinels may name one. */
export const REPLICA = new DevstateError('CONNECTION', 'the server is a replica');
export const TIMED_OUT = new DevstateError('CONNECTION', 'timed out');

/** Whether the failure is the network's or a replica's, so that another server or attempt may succeed. */
export function isUnreachable(reason: unknown): boolean {
  return reason === REPLICA || (reason instanceof Error && networkReason(reason) !== null);
}

/** @param connected whether a TCP connection was established before the failure */
export function unreachable(
  { shown, options, nodes }: Target,
  failure: unknown,
  connected: boolean,
): DevstateError {
  const known = toDevstateError(failure);
  let { message, reason } = known;
  if (options.sentinels && isUnreachable(failure)) {
    message = `the master named by the sentinels cannot be reached: ${message}`;
    reason = 'MASTER_UNREACHABLE';
  } else if (message === 'timed out') {
    if (options.tls) reason = 'TLS_TIMEOUT';
  } else if (connected && isUnreachable(failure)) {
    message = 'the server closed the connection without an answer';
    reason = options.tls ? 'TLS_CONNECTION_CLOSED' : 'TLS_EXPECTED';
  }
  reason ??= known.code === 'CONNECTION' ? 'SERVER_UNREACHABLE' : 'CONNECT_REFUSED';
  return new DevstateError('CONNECTION', `cannot reach ${shown}: ${message}`, {
    reason,
    details: { isCluster: nodes !== undefined },
    cause: known,
  });
}
