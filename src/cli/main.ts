/**
 * Runs one command line. `main` changes nothing of the process: arguments, environment, streams and the signal to
 * stop are passed in, and the exit code is returned (bin/devstate.cjs applies it). An error becomes a line on
 * stderr and an exit code.
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
 * Runs a command line and resolves to its exit code.
 * @param argv the arguments, without the names of Node.js and of the program
 * @param interrupted aborted with the signal's name (`SIGINT`, `SIGTERM`) to end the command early
 */
export async function main(
  argv: readonly string[],
  env: Env,
  streams: Streams,
  interrupted: AbortSignal,
): Promise<number> {
  const stdoutClosed = closedSignal(streams.stdout);
  // Without this listener a write to a closed stderr would end the process. With it the message is lost and the
  // command continues.
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

/** Returns a signal that is aborted when a write to `stdout` shows that its reader is gone. */
function closedSignal(stdout: Streams['stdout']): AbortSignal {
  const closed = new AbortController();
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') closed.abort();
  });
  return closed.signal;
}

/**
 * Returns whether an error is only a consequence of the command's end, and so must not be printed: SIGINT, SIGTERM
 * or a closed stdout closed the connection or input that then failed.
 */
function isCausedBy({ interrupted, stdoutClosed }: Cancellation, error: unknown): boolean {
  if (!interrupted.aborted && !stdoutClosed.aborted) return false;
  if (error instanceof DevstateError) return error.code === 'CONNECTION';
  return error instanceof Error && error.name === 'AbortError';
}

/** Returns the lines of the stack traces of an error and of its causes. */
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
