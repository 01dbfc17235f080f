/** Makes the error that a user gets when connecting fails: it names the server and the reason. */
import { DevstateError } from '../core/model/errors.js';
import { isNetworkError } from '../core/store/network-errors.js';
import { toDevstateError } from '../core/store/redis-errors.js';
import type { Target } from './target-url.js';

/**
 * Thrown if the server that the sentinels named as the master is a replica, which may happen for a short time
 * after a failover. The connection is then tried again, until the sentinels name the new master.
 */
export const REPLICA = new DevstateError('CONNECTION', 'the server is a replica');

/**
 * Returns whether connecting failed because of the network, or because the server is a replica. Then another
 * server, or another attempt, may succeed.
 */
export function isUnreachable(reason: unknown): boolean {
  return reason === REPLICA || isNetworkError(reason);
}

/**
 * Returns the error of a failed connection; its message names the server.
 * @param connected true: the connection was established before the failure, so a network error other than a
 * timeout means that the server closed it, and the message says so; false: the message gives the network error
 */
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
  } else if (reason === 'TIMED_OUT') {
    reason = options.tls ? 'TLS_TIMEOUT' : undefined;
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
