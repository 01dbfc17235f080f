/** The error of a failed connection: which server, why, and what the user can do about it. */
import { DevstateError } from '../core/model/errors.js';
import { networkReason, toDevstateError } from '../core/store/redis-errors.js';
import type { Target } from './target-url.js';

const USUAL_HINT = 'start redis-server, or name yours with --url or DEVSTATE_URL; "devstate demo" needs none';

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
  reason: unknown,
  connected: boolean,
): DevstateError {
  const known = toDevstateError(reason);
  let { message, hint } = known;
  const kind = nodes ? '-cluster' : '';
  if (options.sentinels && isUnreachable(reason)) {
    message = `the master named by the sentinels cannot be reached: ${message}`;
    hint = 'during a failover, raise --request-timeout';
  } else if (message === 'timed out') {
    if (options.tls)
      hint = `check that the server runs and the port uses TLS; for a port without TLS use redis${kind}://`;
  } else if (connected && isUnreachable(reason)) {
    message = 'the server closed the connection without an answer';
    hint = options.tls ? "check the server's log" : `for a port with TLS use rediss${kind}://`;
  }
  hint ??= known.code === 'CONNECTION' ? USUAL_HINT : 'check the URL';
  return new DevstateError('CONNECTION', `cannot reach ${shown}: ${message}`, { cause: known, hint });
}
