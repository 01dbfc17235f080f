/**
 * What of an error of ioredis may be shown and logged. ioredis puts the command that failed on its errors, with all its
 * arguments: the password of an AUTH, the report of a device. A server may quote them in its reply, and put escape
 * sequences into it that control a terminal.
 */

interface IoredisError extends NodeJS.ErrnoException {
  command?: { name?: string; args?: readonly unknown[] };
  /** Of a cluster that could not be reached: the error of the node that was asked last. */
  lastNodeError?: unknown;
  /** Of a transaction that was refused: the errors of its commands. */
  previousErrors?: readonly unknown[];
  /** Of `Promise.any`. */
  errors?: readonly unknown[];
}

/**
 * Returns a copy of an error, to be the cause of a DevstateError: with its name, message, stack, `code`, `errno` and
 * `syscall`, and with a copy of its own cause. All else is left out.
 * @param above the errors already copied, to stop at cycles: ioredis rejects all commands of a transaction with one
 *   error, and lists theirs on it
 */
export function safeCause(error: IoredisError, above: readonly unknown[] = []): Error {
  const { name, code, errno, syscall, previousErrors, errors } = error;
  const seen = [...above, error];
  const causes = [error.cause, error.lastNodeError, previousErrors?.[0], errors?.[0]].filter(isError);
  const cause = causes.find((each) => !seen.includes(each));
  const copy = new Error(safeMessage(error), cause && { cause: safeCause(cause, seen) });
  const trace = /\n {4}at .*/s.exec(error.stack ?? '')?.[0] ?? '';
  Object.defineProperty(copy, 'name', { value: name });
  Object.defineProperty(copy, 'stack', { value: `${name}: ${copy.message}${trace}` });
  return code === undefined ? copy : Object.assign(copy, { code, errno, syscall });
}

function isError(value: unknown): value is Error {
  return value instanceof Error;
}

/** Returns the message of an error without arguments of the command, and with control characters escaped. */
export function safeMessage(error: IoredisError): string {
  const password = passwordOf(error);
  return (password ? error.message.replaceAll(password, '***') : error.message)
    .replace(/,? with args beginning with:.*/s, '')
    .replace(CONTROL, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Returns the password among the arguments of the command that failed: of AUTH, or of HELLO … AUTH user password. */
function passwordOf({ command }: IoredisError): string | undefined {
  const words = command?.args?.map(String) ?? [];
  switch (command?.name?.toLowerCase()) {
    case 'auth':
      return words.at(-1);
    case 'hello':
      return words[words.findIndex((word) => word.toUpperCase() === 'AUTH') + 2];
    default:
      return undefined;
  }
}
