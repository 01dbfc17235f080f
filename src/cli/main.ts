/**
 * Runs one command line. `main` changes nothing of the process: arguments, environment, streams and the signal to
 * stop are passed in, and the exit code is returned (bin/devstate.cjs applies it). An error becomes a line on
 * stderr and an exit code.
 */
import { DevstateError } from '../core/model/errors.js';
import { formatError, type ShownError } from '../output/errors.js';
import { escapeText } from '../output/escape.js';
import { createStdoutWriter } from '../output/stdout-writer.js';
import { asksForJson, asksForQuiet, asksForTraces } from './early-options.js';
import { exitOf, exitOfSignal } from './exit-codes.js';
import { withWholeWrites } from './file-stdout.js';
import { hintFor } from './hints.js';
import type { Env, Streams } from './invocation.js';
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
  const { stderr } = streams;
  // Without this listener a write to a closed stderr would end the process. With it the message is lost and the
  // command continues.
  stderr.on('error', () => {});
  const showError = ({ code, message, outcome, hint }: ShownError) =>
    stderr.write(
      formatError(
        { code, message, outcome, hint: asksForQuiet(argv) ? undefined : hint },
        { isJson: asksForJson(argv) },
      ),
    );
  const output = createStdoutWriter(withWholeWrites(streams.stdout), {
    signal: interrupted,
    onFailure: showError,
    // Printed with --quiet too, because it completes the error message of the first failure.
    onRecovery: (lostLines) =>
      stderr.write(`standard output can be written again; lines lost: ${lostLines}\n`),
  });
  try {
    const { exit, service } = await runProgram({ argv, env, streams, output, interrupted, main });
    await output.flush();
    const isStoppedService = service && interrupted.reason === 'SIGTERM';
    const ended = isStoppedService ? undefined : exitOfSignal(interrupted);
    return ended ?? (exit === 0 && output.failure ? exitOf(output.failure.code) : exit);
  } catch (error) {
    const known = error instanceof DevstateError ? error : internalError(error);
    const { code, message, outcome } = known;
    showError({ code, message, outcome, hint: hintFor(known) });
    if (asksForTraces(argv)) stderr.write(`${stackLines(known).map(escapeText).join('\n')}\n`);
    return exitOf(code);
  }
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
