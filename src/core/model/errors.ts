/**
 * The one error that devstate throws on purpose. Everything that can go wrong for a
 * user has a code here; the command line maps codes to exit codes (cli/exit-codes.ts), so
 * nothing is ever classified by its wording.
 */

export type ErrorCode =
  | 'INTERNAL' /** a bug, or a reply that nobody expected */
  | 'BAD_RECORD' /** what Redis holds is not a device record: wrong type, broken JSON */
  | 'USAGE' /** the caller's input is wrong; nothing was sent */
  | 'NOT_FOUND' /** the device is not registered */
  | 'CONDITION' /** asked, and false */
  | 'CONNECTION' /** unreachable, timed out, not authenticated, not permitted */
  | 'CONFLICT' /** somebody else was faster, or it is there already */
  | 'PARTIAL'; /** a batch in which some items failed */

export class DevstateError extends Error {
  override readonly name = 'DevstateError';
  readonly code: ErrorCode;
  /** What the user can do about it, in one line. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

export function usageError(message: string, hint?: string): DevstateError {
  return new DevstateError('USAGE', message, hint === undefined ? {} : { hint });
}

export function notFoundError(id: string): DevstateError {
  return new DevstateError('NOT_FOUND', `device ${quote(id)} is not registered`, {
    hint: 'devstate register ID --type TYPE',
  });
}

/** What went wrong with one device of several. */
export function deviceError(id: string, cause: DevstateError): DevstateError {
  const { code, message, hint } = cause;
  const options = { cause, ...(hint !== undefined && { hint }) };
  return new DevstateError(code, `device ${quote(id)}: ${message}`, options);
}

/** Refused before it is sent. */
export function readOnlyError(what: string): DevstateError {
  return usageError(`${what} refused: read-only`, 'leave out --read-only, or name a context that may write');
}

/** Why a file cannot be read or written, in a few words. */
export function fileProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'permission denied' : message;
}

/** An id, type or argument as messages show it: quoted, control characters escaped, not without end. */
export function quote(text: string, most = 256): string {
  return JSON.stringify(text.length > most ? `${text.slice(0, most - 1)}…` : text);
}
