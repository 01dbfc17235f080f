/**
 * The error class of devstate. Every failure that a user can cause or meet has an error code. Callers decide by the
 * code of an error, never by its message; the command line maps codes to exit codes (cli/exit-codes.ts).
 */
import type { ErrorDetails, ErrorReason } from './error-reasons.js';

export type ErrorCode =
  | 'INTERNAL' /** a bug of devstate, or an unexpected reply of the server */
  | 'BAD_RECORD' /** a Redis key holds what devstate cannot read: another type of value, or broken JSON */
  | 'USAGE' /** the caller's input is wrong; nothing was written to Redis */
  | 'NOT_FOUND' /** the device is not registered */
  | 'CONDITION' /** a condition of the command is not met, such as that a list must not be empty */
  | 'CONNECTION' /** Redis cannot be reached, does not answer in time, or refuses the user or the request */
  | 'CONFLICT' /** another client changed the device first, or the device is registered already */
  | 'PARTIAL' /** some items of a batch failed */
  | 'OUTPUT'; /** standard output of the command line cannot be written, as on a full disk; the library never throws it */

export interface DevstateErrorOptions {
  /** The cause, if the code covers several. Not given: the code and the message say enough. */
  reason?: ErrorReason | undefined;
  /** Values that complete the reason. */
  details?: ErrorDetails | undefined;
  /** Of a write that failed with CONNECTION. Not given: it was not done. */
  outcome?: Outcome | undefined;
  /** What the user of the command line can do about the error, in one line. */
  hint?: string | undefined;
  /** The error because of which this one is thrown. */
  cause?: unknown;
}

/**
 * What is known about a write that failed with CONNECTION. `unknown`: it was sent, and the connection was lost or the
 * time was over before the answer, so it may have been done. It is not done after the request timeout; if the client
 * was closed before, it may still be done until then. Not given: it was not done.
 */
export type Outcome = 'unknown';

export class DevstateError extends Error {
  override readonly name = 'DevstateError';
  readonly code: ErrorCode;
  readonly reason: ErrorReason | undefined;
  /** Values that complete the reason, such as `deviceId`. The comment of each `ErrorReason` says which it has. */
  readonly details: ErrorDetails;
  /** What is known about a write that failed with CONNECTION (`Outcome`). */
  readonly outcome: Outcome | undefined;
  /**
   * What the user of the command line can do about the error, in one line. Errors that the library throws have none.
   */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: DevstateErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
    this.details = options.details ?? {};
    this.outcome = options.outcome;
    this.hint = options.hint;
  }
}

/**
 * Returns the error for wrong input.
 * @param hint what the user can do; only for input that the command line reads, because the library gives no hints
 */
export function usageError(message: string, hint?: string): DevstateError {
  return new DevstateError('USAGE', message, hint === undefined ? {} : { hint });
}

export function notFoundError(id: string): DevstateError {
  return new DevstateError('NOT_FOUND', `device ${quote(id)} is not registered`, {
    reason: 'NOT_REGISTERED',
  });
}

/**
 * Returns whether the result of an item is an error of the connection: all items sent to the same server fail with it,
 * so callers end the batch, or report the error once. Every CONNECTION error is one, except the denial of a single
 * device.
 */
export function isConnectionError(result: unknown): result is DevstateError {
  return result instanceof DevstateError && result.code === 'CONNECTION' && result.reason !== 'DEVICE_DENIED';
}

/**
 * Returns a copy of `cause`, the error of one device of a batch, whose message begins with the device's id, so that the
 * user sees which device failed.
 */
export function deviceError(id: string, cause: DevstateError): DevstateError {
  const { code, message, reason, details, outcome, hint } = cause;
  return new DevstateError(code, `device ${quote(id)}: ${message}`, {
    reason,
    details,
    outcome,
    hint,
    cause,
  });
}

/**
 * Returns the error of a write on a read-only fleet.
 * @param action the name of the command or script that was refused
 */
export function readOnlyError(action: string): DevstateError {
  return new DevstateError('USAGE', `${action} refused: read-only`, { reason: 'READ_ONLY' });
}

/**
 * Returns the error of a write that a fleet with the role `device` may not do.
 * @param action the name of the command or script that was refused
 */
export function deviceRoleError(action: string): DevstateError {
  return new DevstateError('USAGE', `${action} refused: not with the role device`, { reason: 'DEVICE_ROLE' });
}

/** Returns why a file cannot be read or written, in a few words. @param error the error that `node:fs` threw */
export function fileProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'permission denied' : message;
}

/**
 * Returns an id, type or argument as it is shown in an error message: in quotes, with control characters escaped, cut
 * to `maxLength` characters.
 */
export function quote(text: string, maxLength = 256): string {
  return JSON.stringify(text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text);
}
