/** Recognizes errors of the network: by the `code` that Node.js gives them, or by the messages of ioredis. */

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be resolved now',
  ETIMEDOUT: 'timed out',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'the network cannot be reached',
  ENOENT: 'no such socket',
  EACCES: 'permission to the socket refused',
  EPIPE: 'connection lost',
};

/**
 * The messages of the errors that ioredis raises for a lost connection. These errors have no `code`, so they are
 * recognized by the message.
 */
const CONNECTION_LOST =
  /^(Connection is closed\.|Command aborted due to connection close|None of startup nodes is available|Cluster is ended\.)$/;

/** Returns in a few words why the network failed; null: the error is not one of the network. */
export function networkProblem(error: Error): string | null {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && code in REASONS) return REASONS[code] as string;
  if (error.name === 'MaxRetriesPerRequestError' || CONNECTION_LOST.test(error.message))
    return 'connection lost';
  if (/^Too many Cluster redirections/.test(error.message)) return 'the cluster redirected too many times';
  if (/^(Command timed out|connect ETIMEDOUT|Socket timeout)/.test(error.message)) return 'timed out';
  return null;
}
