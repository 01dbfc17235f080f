/**
 * Reads error replies of Redis: their code, and what kind of failure they report. The code is the first word of the
 * reply, as in `NOPERM this user has no permissions …`.
 */

/**
 * Matches the line number of a Lua script, such as `user_script:12: `, which Redis 6.2 and `lua/include/devices.lua`
 * put before the text of an error that a command in the script raised.
 */
const SCRIPT_POSITION = /^(?:ERR Error running script [^@]*)?(?:@?user_script: ?\d+: )+-?/;

/** What Redis replies in place of NOAUTH to a command that has more than 10 arguments, or a long one. */
const NOT_LOGGED_IN = /^ERR Protocol error: unauthenticated (multi)?bulk length/;

/** Returns the code of an error reply, for example `NOPERM`; '' if the reply has none. */
export function replyCode(reply: string): string {
  if (NOT_LOGGED_IN.test(reply)) return 'NOAUTH';
  return /^[A-Z]+(?= |$)/.exec(withoutPosition(reply))?.[0] ?? '';
}

/** Returns an error reply without the line of a Lua script that may be before its code. */
export function withoutPosition(reply: string): string {
  return reply.replace(SCRIPT_POSITION, '');
}

/** Codes of error replies of a server that has not executed the request but will soon be able to. */
const RETRYABLE = new Set(['LOADING', 'BUSY', 'TRYAGAIN', 'CLUSTERDOWN']);

/**
 * Returns whether an error says that the server has not executed the request, so that it should be sent again later.
 */
export function isRetryable(error: unknown): error is Error {
  return error instanceof Error && RETRYABLE.has(replyCode(error.message));
}

/** Codes of error replies for a user who is not authenticated or lacks a permission. Sending again does not help. */
const DENIED = new Set(['NOAUTH', 'WRONGPASS', 'NOPERM']);

/**
 * The texts that servers reply if the ACL denies a command within a script: those of Redis before 7.2 (`is lacking` is
 * that of 6.2.0), then that of later ones and of Valkey. Such a reply has no code like NOPERM, so it is recognized by
 * its text.
 */
const DENIED_IN_SCRIPT =
  /The user executing the script (can't (run|access|publish)|is lacking the permissions)|\bACL failure in script: /;

/** Returns whether an error, or its cause, says that Redis did not accept the user or denied the user a permission. */
export function isDenied(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { message, cause } = error;
  return DENIED.has(replyCode(message)) || DENIED_IN_SCRIPT.test(message) || isDenied(cause);
}

/** Returns whether an error says that Redis denied the user a permission for a command, key or channel. */
export function isPermissionDenied({ message }: Error): boolean {
  return replyCode(message) === 'NOPERM' || DENIED_IN_SCRIPT.test(message);
}

/** Returns the command that a denial names, as a user writes it: `CONFIG GET`; undefined: it names none. */
export function deniedCommand({ message }: Error): string | undefined {
  return /\brun the '([^']+)' command/.exec(message)?.[1]?.replace('|', ' ').toUpperCase();
}

const UNNAMED_DENIAL = /\baccess (a|(at least )?one of the) (key|channel)/;

/** Returns whether an error says that Redis denied access to a key or channel, but not to which. */
export function isUnnamedDenial(error: unknown): boolean {
  return error instanceof Error && UNNAMED_DENIAL.test(error.message);
}

/** Returns whether an error says that the server does not know a command, or an option of it, also within a script. */
export function isUnknownToServer({ message }: Error): boolean {
  return /^(ERR )?(unknown command\b|syntax error$|Unknown Redis command called from Lua)/.test(
    withoutPosition(message),
  );
}

/** Returns whether an error says that the server refuses the connection because it has too many clients. */
export function isTooManyClients(error: unknown): boolean {
  return error instanceof Error && error.message === 'ERR max number of clients reached';
}

/** Returns whether an error says that the server refuses the command because it has reached its `maxmemory`. */
export function isOutOfMemory(error: unknown): error is Error {
  return error instanceof Error && replyCode(error.message) === 'OOM';
}
