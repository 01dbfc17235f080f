/**
 * Turns an error of ioredis, which may be a reply of Redis or an error of the network, into the error that a caller of
 * devstate gets: a DevstateError whose code says what kind of failure it is, with the original error as its cause.
 */

import type { ErrorReason } from '../model/error-reasons.js';
import { DevstateError } from '../model/errors.js';
import { networkProblem, TIMED_OUT } from './network-errors.js';
import {
  deniedCommand,
  isDenied,
  isPermissionDenied,
  isTooManyClients,
  isUnknownToServer,
  isUnnamedDenial,
  replyCode,
  withoutPosition,
} from './reply-errors.js';
import { safeCause, safeMessage } from './safe-cause.js';
import { tlsProblem } from './tls-errors.js';

/**
 * The message and the reason of the CONNECTION error that devstate makes of an error reply of Redis, by the first
 * word of the reply.
 */
const BY_REPLY_CODE: Record<string, [message: string, reason: ErrorReason]> = {
  NOAUTH: ['the server asks for a password', 'PASSWORD_REQUIRED'],
  WRONGPASS: ['wrong user name or password', 'WRONG_PASSWORD'],
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

/**
 * Returns the DevstateError for any error: a DevstateError as it is, an error of Redis, the network or TLS as
 * CONNECTION or BAD_RECORD, anything else as INTERNAL. The cause is a copy of the error without the command that failed.
 */
export function toDevstateError(error: unknown): DevstateError {
  if (error instanceof DevstateError) return error;
  if (!(error instanceof Error)) return new DevstateError('INTERNAL', String(error));
  if (isPermissionDenied(error)) return permissionError(deniedAction(error), error);
  const code = replyCode(error.message);
  const known = BY_REPLY_CODE[code];
  if (known) return connectionError(error, ...known);
  if (isTooManyClients(error))
    return connectionError(error, 'the server takes no more connections', 'TOO_MANY_CONNECTIONS');
  if (code === 'WRONGTYPE') return wrongTypeError(firstKey(error));
  const problem = networkProblem(error);
  if (problem !== null)
    return connectionError(error, problem, problem === TIMED_OUT ? 'TIMED_OUT' : undefined);
  const tls = tlsProblem(error);
  if (tls !== null) return connectionError(error, tls.message, tls.reason);
  const text = firstLine(safeMessage(error));
  if (!isUnknownToServer(error)) return new DevstateError('INTERNAL', text, { cause: safeCause(error) });
  const message = `the server does not know a command that devstate sends (${withoutPosition(text)}); devstate needs Redis 6.2 or later`;
  return new DevstateError('INTERNAL', message, { reason: 'SERVER_TOO_OLD', cause: safeCause(error) });
}

function connectionError(cause: Error, message: string, reason?: ErrorReason): DevstateError {
  return new DevstateError('CONNECTION', message, { reason, cause: safeCause(cause) });
}

/**
 * Returns the error for a permission that Redis denied to the user.
 * @param denied what was denied, in a few words that end with the name of the command, key or channel
 * @param reason DEVICE_DENIED: what was denied belongs to one device; default: all devices are affected
 */
export function permissionError(
  denied: string,
  cause: Error,
  reason: 'PERMISSION_DENIED' | 'DEVICE_DENIED' = 'PERMISSION_DENIED',
): DevstateError {
  return connectionError(cause, `permission refused: ${denied}`, reason);
}

/** Returns an error about a denied key as the error of the device that the key belongs to; any other error as it is. */
export function asDeviceDenial(error: DevstateError): DevstateError {
  if (!isUnnamedDenial(error.cause)) return error;
  return new DevstateError('CONNECTION', error.message, { reason: 'DEVICE_DENIED', cause: error.cause });
}

/**
 * Returns in a few words which permission a reply of Redis denies, in the same words for all servers. If the reply says
 * that a key or channel was denied, but not which, it is looked for in the command that failed.
 */
function deniedAction(error: Error): string {
  const command = deniedCommand(error);
  if (command !== undefined) return `this user may not send ${command}`;
  if (isUnnamedDenial(error)) {
    const kind = error.message.includes('channel') ? 'channel' : 'key';
    return `this user may not access ${deniedName(error, kind) ?? `a ${kind} of the fleet`}`;
  }
  return withoutPosition(firstLine(safeMessage(error)))
    .replace(/^(NOPERM|ERR) /, '')
    .replace(/ script: [^']*$/, '');
}

/** Returns the key or channel that was denied; undefined if the command is not known, or is a script with many keys. */
function deniedName(error: Error, kind: 'key' | 'channel'): unknown {
  const { name, args = [] } = commandOf(error);
  if (!name?.startsWith('eval')) return args[0];
  return kind === 'key' && args[1] === '1' ? args[2] : undefined;
}

/** Returns the first key of the command that failed; undefined if the command is not known or ran a script. */
function firstKey(error: Error): unknown {
  const { name, args = [] } = commandOf(error);
  return name?.startsWith('eval') ? undefined : args[0];
}

function commandOf(error: Error): { name?: string; args?: unknown[] } {
  return (error as { command?: { name: string; args?: unknown[] } }).command ?? {};
}

/**
 * Returns the error for a key whose value has another Redis type than devstate stores under this key.
 * @param type the type of the value, if known
 * @param expected the type that devstate stores under the key; given with `type`
 */
export function wrongTypeError(key: unknown, type?: unknown, expected?: unknown): DevstateError {
  const name = key === undefined ? 'a key of the fleet' : String(key);
  const found =
    type === undefined ? 'another type of value than devstate keeps there' : `a ${type}, not a ${expected}`;
  return new DevstateError('BAD_RECORD', `${name} holds ${found}`, {
    reason: 'WRONG_KEY_TYPE',
  });
}

/**
 * Returns whether a request should be tried again later: every CONNECTION error except refused authentication or
 * permission. Some of them, such as an expired certificate, last until somebody acts.
 */
export function isTransient(error: unknown): error is DevstateError {
  return error instanceof DevstateError && error.code === 'CONNECTION' && !isDenied(error);
}

/** Returns the first failure that needs an action of the user; if all failures are transient, the first of them. */
export function mostSevere(failures: readonly unknown[]): unknown {
  return failures.find((failure) => !isTransient(failure)) ?? failures[0];
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] as string;
}
