/**
 * What an error reply of Redis says: its code, and which class of failure it is. The code is the first word of the
 * reply, as in `NOPERM this user has no permissions …`.
 */

/** The position in a script, which Redis 6.2 and `lua/include/devices.lua` put before the error of a command. */
const SCRIPT_POSITION = /^(?:ERR Error running script [^@]*)?(?:@?user_script: ?\d+: )+-?/;

/** Returns the code of an error reply; '' if it has none. */
export function replyCode(reply: string): string {
  return /^[A-Z]+(?= |$)/.exec(withoutPosition(reply))?.[0] ?? '';
}

/** Returns an error reply without the position in a script. */
export function withoutPosition(reply: string): string {
  return reply.replace(SCRIPT_POSITION, '');
}

/** Codes of replies that say that the server has not executed the request and will soon be able to. */
const RETRYABLE = new Set(['LOADING', 'BUSY', 'TRYAGAIN', 'CLUSTERDOWN']);

/** Returns whether the request was not executed and should be sent again after a pause. */
export function isRetryable(error: unknown): error is Error {
  return error instanceof Error && RETRYABLE.has(replyCode(error.message));
}

/** Codes of replies that say that the user is not authenticated or lacks a permission. Sending again does not help. */
const DENIED = new Set(['NOAUTH', 'WRONGPASS', 'NOPERM']);

/** The text of Redis 7.0 for a command in a script that the ACL denies; that reply has no code of its own. */
const DENIED_IN_SCRIPT = /The user executing the script can't (run|access|publish)/;

/** Returns whether an error, or its cause, says that Redis did not accept the user or denied a permission. */
export function isDenied(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { message, cause } = error;
  return DENIED.has(replyCode(message)) || DENIED_IN_SCRIPT.test(message) || isDenied(cause);
}

/** Returns whether Redis denied a permission for a command, key or channel. */
export function isPermissionDenied({ message }: Error): boolean {
  return replyCode(message) === 'NOPERM' || DENIED_IN_SCRIPT.test(message);
}

const UNNAMED_DENIAL = /\baccess (a|(at least )?one of the) (key|channel)/;

/** Returns whether Redis denied access to a key or channel, and the reply does not name it. */
export function isUnnamedDenial(error: unknown): boolean {
  return error instanceof Error && UNNAMED_DENIAL.test(error.message);
}

/** Returns whether the server closes the connection because it has too many. */
export function isTooManyClients(error: unknown): boolean {
  return error instanceof Error && error.message === 'ERR max number of clients reached';
}
