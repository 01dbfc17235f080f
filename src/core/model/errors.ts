/**
 * The error of devstate. Every failure that a user can cause or meet has a code here. Callers decide by the code of an
 * error, never by its message; the command line maps codes to exit codes (cli/exit-codes.ts).
 */
import type { ErrorDetails, ErrorReason } from './error-reasons.js';

export type ErrorCode =
  | 'INTERNAL' /** a bug of devstate, or an unexpected reply of the server */
  | 'BAD_RECORD' /** a key holds what devstate cannot read: another type of value, or broken JSON */
  | 'USAGE' /** the caller's input is wrong; nothing was sent */
  | 'NOT_FOUND' /** the device is not registered */
  | 'CONDITION' /** a condition that the caller asked about is false */
  | 'CONNECTION' /** not connected, timed out, not authenticated, or not permitted */
  | 'CONFLICT' /** another client changed the device first, or the device is registered already */
  | 'PARTIAL'; /** some items of a batch failed */

export interface DevstateErrorOptions {
  reason?: ErrorReason | undefined;
  details?: ErrorDetails | undefined;
  hint?: string | undefined;
  cause?: unknown;
}

export class DevstateError extends Error {
  override readonly name = 'DevstateError';
  readonly code: ErrorCode;
  readonly reason: ErrorReason | undefined;
  /** Empty unless the reason names details. */
  readonly details: ErrorDetails;
  /** What the user of the command line can do, in one line. Errors of the library have none. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: DevstateErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
    this.details = options.details ?? {};
    this.hint = options.hint;
  }
}

/** @param hint for input that only the command line reads; errors of the library have none */
export function usageError(message: string, hint?: string): DevstateError {
  return new DevstateError('USAGE', message, hint === undefined ? {} : { hint });
}

export function notFoundError(id: string): DevstateError {
  return new DevstateError('NOT_FOUND', `device ${quote(id)} is not registered`, {
    reason: 'NOT_REGISTERED',
  });
}

/**
 * Returns whether a result is a CONNECTION error. Such an error is not about one item of a batch: the others will
 * fail in the same way.
 */
export function isConnectionError(result: unknown): result is DevstateError {
  return result instanceof DevstateError && result.code === 'CONNECTION';
}

/** Returns the error of one device of several: the cause with the device's id before its message. */
export function deviceError(id: string, cause: DevstateError): DevstateError {
  const { code, message, reason, details, hint } = cause;
  return new DevstateError(code, `device ${quote(id)}: ${message}`, { reason, details, hint, cause });
}

/** The error of a write on a read-only fleet. @param action what was refused: a command or a script */
export function readOnlyError(action: string): DevstateError {
  return new DevstateError('USAGE', `${action} refused: read-only`, { reason: 'READ_ONLY' });
}

/** Returns why a file cannot be read or written, in a few words. @param error of node:fs */
export function fileProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'permission denied' : message;
}

/** Returns an id, type or argument for a message: in quotes, control characters escaped, cut to `maxLength`. */
export function quote(text: string, maxLength = 256): string {
  return JSON.stringify(text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text);
}
