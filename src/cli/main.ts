/**
 * Runs one command line. `main` changes nothing of the process: arguments, environment, streams and the
 * signal to stop are passed in, and the exit code is returned (bin/devstate.cjs applies it). Here an error
 * becomes a line on stderr and an exit code.
 */
import { DevstateError } from '../core/model/errors.js';
import { formatError } from '../output/errors.js';
import { escapeText } from '../output/escape.js';
import { asksForJson, asksForQuiet, asksForTraces } from './early-options.js';
import { exitOf, exitOfSignal } from './exit-codes.js';
import { hintFor } from './hints.js';
import type { Cancellation, Env, Streams } from './invocation.js';
import { runProgram } from './program.js';

/**
 * Resolves to the exit code.
 * @param argv without the names of Node and of the program
 * @param interrupted aborted with the signal's name (`SIGINT`, `SIGTERM`) to end the command early
 */
export async function main(
  argv: readonly string[],
  env: Env,
  streams: Streams,
  interrupted: AbortSignal,
): Promise<number> {
  const stdoutClosed = closedSignal(streams.stdout);
  // A closed stderr is not an error: messages are lost and the command continues.
  streams.stderr.on('error', () => {});
  const cancellation = { interrupted, stdoutClosed };
  try {
    const { exit, service } = await runProgram({ argv, env, streams, cancellation, main });
    return service && interrupted.reason === 'SIGTERM' ? exit : (exitOfSignal(interrupted) ?? exit);
  } catch (error) {
    if (isCausedBy(cancellation, error)) return exitOfSignal(interrupted) ?? 0;
    const known = error instanceof DevstateError ? error : internalError(error);
    const { code, message } = known;
    const shown = { code, message, hint: asksForQuiet(argv) ? undefined : hintFor(known) };
    streams.stderr.write(formatError(shown, { isJson: asksForJson(argv) }));
    if (asksForTraces(argv)) streams.stderr.write(`${stackLines(known).map(escapeText).join('\n')}\n`);
    return exitOf(code);
  }
}

/** A signal that is aborted once the reader of `stdout` is gone. */
function closedSignal(stdout: Streams['stdout']): AbortSignal {
  const closed = new AbortController();
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') closed.abort();
  });
  return closed.signal;
}

/** Whether a connection or an input failed because the cancellation closed it. */
function isCausedBy({ interrupted, stdoutClosed }: Cancellation, error: unknown): boolean {
  if (!interrupted.aborted && !stdoutClosed.aborted) return false;
  if (error instanceof DevstateError) return error.code === 'CONNECTION';
  return error instanceof Error && error.name === 'AbortError';
}

/** The stack trace of an error and of its causes. */
function stackLines(error: Error): string[] {
  const causes = error.cause instanceof Error ? ['caused by:', ...stackLines(error.cause)] : [];
  return [...(error.stack ?? error.message).split('\n'), ...causes];
}

function internalError(error: unknown): DevstateError {
  const message = error instanceof Error ? error.message : String(error);
  return new DevstateError('INTERNAL', message, {
    hint: 'this is a bug; -vv prints the stack trace',
    cause: error,
  });
}
