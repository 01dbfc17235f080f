/** Recognizes errors of the network: by the `code` that Node.js gives them, or by the messages of ioredis. */
import { DevstateError } from '../model/errors.js';

const LOST = 'connection lost';
export const TIMED_OUT = 'timed out';

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be resolved now',
  ETIMEDOUT: TIMED_OUT,
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'the network cannot be reached',
  ENOENT: 'no such socket',
  EACCES: 'permission to the socket refused',
  EPIPE: LOST,
};

/**
 * The messages of the errors that ioredis raises for a lost connection. These errors have no `code`, and their names
 * change when they are bundled, so they are recognized by the message.
 */
const CONNECTION_LOST =
  /^(Connection is closed\.|Command aborted due to connection close|None of startup nodes is available|Reached the max retries per request limit \(which is \d+\)\. .*|Failed to refresh slots cache\.|Cluster is ended\.)$/;

/**
 * The messages of the errors of ioredis for a command that it has not sent, because it is not connected, or that nodes
 * of a cluster have refused again and again.
 */
const NOT_SENT =
  /^((Stream isn't writeable|Cluster isn't ready) and enableOfflineQueue options is false$|Too many Cluster redirections\. Last error: \w+: (MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b)/;

/**
 * Returns whether an error says that a command was not sent, or not done by any server that it was sent to. ioredis
 * rejects with such an error also if it sent the command before, lost the answer, and could not send it again: for a
 * command that must not be done twice, use `OnceCommand.end`.
 */
export function isNotSent({ message }: Error): boolean {
  return NOT_SENT.test(message);
}

/** Returns whether an error says that the connection of a command was lost or closed. */
export function isConnectionLost({ message }: Error): boolean {
  return CONNECTION_LOST.test(message);
}

/** Returns an error for a command that was not sent (`isNotSent`). @param cause why it was not */
export function notSentError(cause: unknown): Error {
  return new Error("Stream isn't writeable and enableOfflineQueue options is false", { cause });
}

/** Returns an error for a command that may have been done (not `isNotSent`). @param cause why its answer is missing */
export function answerLostError(cause?: unknown): Error {
  return new Error('Command aborted due to connection close', { cause });
}

/** The system calls whose errors are of the network, whatever their code. */
const NETWORK_CALLS = new Set(['connect', 'read', 'write', 'getaddrinfo', 'shutdown', 'reset']);

/** Returns in a few words why the network failed; null: the error is not one of the network. */
export function networkProblem(error: Error): string | null {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code !== undefined && code in REASONS) return REASONS[code] as string;
  if (code !== undefined && syscall !== undefined && NETWORK_CALLS.has(syscall)) return error.message;
  if (/^Too many Cluster redirections/.test(error.message)) return 'the cluster redirected too many times';
  if (isConnectionLost(error) || isNotSent(error)) return LOST;
  if (/^(Command timed out|connect ETIMEDOUT|Socket timeout)/.test(error.message)) return TIMED_OUT;
  return null;
}

/** Returns whether an error is one of the network, not an error reply. */
export function isNetworkError(error: unknown): error is Error {
  return error instanceof Error && networkProblem(error) !== null;
}

/** Returns the error of a request whose connection was lost or closed. */
export function connectionLost(): DevstateError {
  return new DevstateError('CONNECTION', LOST);
}

/** Returns the error of a request that had no answer in time. */
export function timedOut(cause?: unknown): DevstateError {
  return new DevstateError('CONNECTION', TIMED_OUT, { reason: 'TIMED_OUT', cause });
}
