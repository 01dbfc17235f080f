/** Distinguishes the error replies of a working server from connection failures. */
import { isNetworkError } from '../core/store/network-errors.js';
import { isRetryable, isTooManyClients } from '../core/store/reply-errors.js';

/**
 * Returns whether the error with which ioredis rejected a command is a reply of a server that serves this client. It is
 * not if the connection was lost, if the server cannot serve requests yet, or if it takes no more clients.
 */
export function isAnswer(error: unknown): boolean {
  return !isNetworkError(error) && !isRetryable(error) && !isTooManyClients(error);
}
