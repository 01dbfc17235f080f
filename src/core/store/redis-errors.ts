/**
 * From what ioredis and Redis raise to the one error a user sees. Redis' error codes are
 * the first word of its replies (Redis protocol, "simple errors"); the network's are
 * Node's `code`.
 */
import { DevstateError, type ErrorReason } from '../model/errors.js';
import { tlsProblem } from './tls-errors.js';

const REFUSED: Record<string, [message: string, reason: ErrorReason]> = {
  NOAUTH: ['the server asks for a password', 'PASSWORD_REQUIRED'],
  WRONGPASS: ['wrong user name or password', 'WRONG_PASSWORD'],
  NOPERM: ['permission refused', 'PERMISSION_DENIED'],
  LOADING: ['the server is still loading its data', 'SERVER_LOADING'],
  READONLY: ['this server is a replica and takes no writes', 'SERVER_IS_REPLICA'],
  MASTERDOWN: ['this replica has lost its master', 'MASTER_DOWN'],
  BUSY: ['the server is busy with a script', 'SERVER_BUSY'],
  MISCONF: ['the server refuses writes because it cannot save', 'PERSISTENCE_FAILED'],
  OOM: ['the server is out of memory and refuses writes', 'OUT_OF_MEMORY'],
  MOVED: ['this server is one node of a cluster', 'CLUSTER_NODE'],
  CROSSSLOT: ['this server is one node of a cluster', 'CLUSTER_NODE'],
  CLUSTERDOWN: ['the cluster is down', 'CLUSTER_DOWN'],
  TRYAGAIN: ['the cluster is moving these keys', 'SLOT_MOVING'],
  NOREPLICAS: ['the server refuses writes because it has too few replicas', 'TOO_FEW_REPLICAS'],
};

/** Redis 7.0 has no code of its own for what an ACL denies within a script. */
const DENIED_IN_SCRIPT = /The user executing the script can't (run|access|publish)/;
/** It says not which. */
const UNNAMED = /\baccess (a|(at least )?one of the) (key|channel)/;

const NETWORK: Record<string, string> = {
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

/** A DevstateError as it is; a reply or network error of Redis in our words; all else INTERNAL. */
export function toDevstateError(error: unknown): DevstateError {
  if (error instanceof DevstateError) return error;
  if (!(error instanceof Error)) return new DevstateError('INTERNAL', String(error));
  const word = replyCode(error.message);
  const refused = REFUSED[word];
  if (refused) {
    const [message, reason] = refused;
    if (word === 'NOPERM') return permissionError(refusalOf(error), error);
    return new DevstateError('CONNECTION', message, { reason, cause: error });
  }
  if (DENIED_IN_SCRIPT.test(error.message)) return permissionError(refusalOf(error), error);
  if (isTooManyClients(error)) {
    return new DevstateError('CONNECTION', 'the server takes no more connections', {
      reason: 'TOO_MANY_CONNECTIONS',
      cause: error,
    });
  }
  if (word === 'WRONGTYPE') return wrongTypeError(keyOf(error));
  const reason = networkReason(error);
  if (reason !== null) return new DevstateError('CONNECTION', reason, { cause: error });
  const problem = tlsProblem(error);
  if (problem !== null) return new DevstateError('CONNECTION', problem.message, { cause: error, ...problem });
  return new DevstateError('INTERNAL', oneLine(error.message), { cause: error });
}

/** @param what in a few words, of which the last name the command, key or channel */
export function permissionError(what: string, cause: Error): DevstateError {
  return new DevstateError('CONNECTION', `permission refused: ${what}`, {
    reason: 'PERMISSION_DENIED',
    cause,
  });
}

/** Redis' words, and the key or channel where they lack it: the first of the command. */
function refusalOf(error: Error): string {
  const words = oneLine(error.message)
    .replace(PLACE, '')
    .replace(/^(NOPERM|ERR) /, '')
    .replace(/ script: \w+, on @user_script:\d+\.$/, '');
  const name = isUnnamedDenial(error) ? keyOf(error) : undefined;
  return name === undefined ? words : `${words}: ${name}`;
}

/** Whether it was a key or a channel that was refused, and Redis does not say which. */
export function isUnnamedDenial(error: unknown): boolean {
  return error instanceof Error && UNNAMED.test(error.message);
}

/** Whether the server says, before it hangs up, that it has too many connections. */
export function isTooManyClients(error: unknown): boolean {
  return error instanceof Error && error.message === 'ERR max number of clients reached';
}

/** What passes by itself, and soon: the server has done nothing of it yet. */
const NOT_YET = new Set(['LOADING', 'BUSY', 'TRYAGAIN', 'CLUSTERDOWN']);

/** Whether the server only asks for patience. */
export function isRetryable(error: unknown): error is Error {
  return error instanceof Error && NOT_YET.has(replyCode(error.message));
}

/** What no waiting mends: who may not come in, or may not do that. */
const DENIED = new Set(['NOAUTH', 'WRONGPASS', 'NOPERM']);

/** Whether Redis refused the user, or what the user asked for, as it will again. */
export function isDenied(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { message, cause } = error;
  return DENIED.has(replyCode(message)) || DENIED_IN_SCRIPT.test(message) || isDenied(cause);
}

/** Lost, or refused for now: whoever runs on tries again. */
export function isTransient(error: unknown): error is DevstateError {
  return error instanceof DevstateError && error.code === 'CONNECTION' && !isDenied(error);
}

/** Of several failures, the first that is not transient; else the first. */
export function mostSevere(failures: readonly unknown[]): unknown {
  return failures.find((failure) => !isTransient(failure)) ?? failures[0];
}

/** The line of the script, before the text of its error: Redis 6.2 and `lua/include/devices.lua` put it there. */
const PLACE = /^(?:ERR Error running script [^@]*)?(?:@?user_script: ?\d+: )+-?/;

/** The code that a reply begins with. */
export function replyCode(reply: string): string {
  return /^[A-Z]+(?= |$)/.exec(reply.replace(PLACE, ''))?.[0] ?? '';
}

/** The first key or channel of the command that failed, where ioredis says it; a script's come later. */
function keyOf(error: Error): unknown {
  const { command } = error as { command?: { name: string; args?: unknown[] } };
  return command?.name.startsWith('eval') ? undefined : command?.args?.[0];
}

/** A key that another program made something else of. */
export function wrongTypeError(key: unknown, type?: unknown, expected?: unknown): DevstateError {
  const name = key === undefined ? 'a key of the fleet' : String(key);
  const found =
    type === undefined ? 'another type of value than devstate keeps there' : `a ${type}, not a ${expected}`;
  return new DevstateError('BAD_RECORD', `${name} holds ${found}`, {
    reason: 'WRONG_KEY_TYPE',
  });
}

/** ioredis' words for it. */
const LOST =
  /^(Connection is closed\.|Command aborted due to connection close|None of startup nodes is available|Cluster is ended\.)$/;

/** Why the network failed, in a few words; null: it is another kind of error. */
export function networkReason(error: Error): string | null {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && code in NETWORK) return NETWORK[code] as string;
  if (error.name === 'MaxRetriesPerRequestError' || LOST.test(error.message)) return 'connection lost';
  if (/^Too many Cluster redirections/.test(error.message)) return 'the cluster did not come to rest';
  if (/^(Command timed out|connect ETIMEDOUT|Socket timeout)/.test(error.message)) return 'timed out';
  return null;
}

function oneLine(text: string): string {
  return text.split('\n', 1)[0] as string;
}
