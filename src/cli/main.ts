/**
 * The process around the program: signals, closed pipes, and the one place where an error
 * becomes a line on stderr and an exit code. Calls process.exit only where output that
 * nobody reads would keep a process that is to end.
 */
import type { Readable, Writable } from 'node:stream';
import { DevstateError } from '../core/model/errors.js';
import { errorText } from '../output/errors.js';
import { visible } from '../output/escape.js';
import { exitOf } from './exit-codes.js';
import { runProgram } from './program.js';

export interface Streams {
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable & { isTTY?: boolean };
}

/** What may end a command before it is done. */
export interface Cancellation {
  /** By a signal, which is the reason. */
  interrupted: AbortSignal;
  /** Nobody reads its stdout any more. */
  stdoutClosed: AbortSignal;
}
export type Env = Readonly<Record<string, string | undefined>>;

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
type Signal = keyof typeof SIGNALS;

/** How long, once all is done, the reader of a program that was told to end may take. */
const LINGER_MS = 100;

/** Runs a command line to its end; gives the exit code. */
export async function main(argv: readonly string[], env: Env, streams: Streams): Promise<number> {
  const ending = new AbortController();
  const leaving = new AbortController();
  const handlers = (Object.keys(SIGNALS) as Signal[]).map((signal) => {
    const handler = () => ending.abort(signal);
    process.once(signal, handler); // once: a second one ends the process as usual
    return () => process.off(signal, handler);
  });
  const leave = (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') leaving.abort();
  };
  streams.stdout.on('error', leave);
  streams.stderr.on('error', () => {}); // nobody listens to what is said beside the data: that ends nothing
  try {
    return await execute(argv, env, streams, { interrupted: ending.signal, stdoutClosed: leaving.signal });
  } finally {
    for (const off of handlers) off();
    // Unread output and open input must not keep a process that was told to end.
    if (ending.signal.aborted) setTimeout(() => process.exit(), LINGER_MS).unref();
  }
}

/** The same without a process of its own: `demo` runs command lines within itself. */
export async function execute(
  argv: readonly string[],
  env: Env,
  streams: Streams,
  ends: Cancellation,
): Promise<number> {
  const { interrupted, stdoutClosed } = ends;
  try {
    const { exit, service } = await runProgram(argv, env, streams, ends);
    return service && interrupted.reason === 'SIGTERM' ? exit : (exitOfSignal(interrupted) ?? exit);
  } catch (error) {
    if ((interrupted.aborted || stdoutClosed.aborted) && isEnd(error)) return exitOfSignal(interrupted) ?? 0;
    const known = error instanceof DevstateError ? error : internal(error);
    const options = beforeDashes(argv);
    const quiet = options.some((arg) => arg === '-q' || arg === '--quiet');
    const shown = quiet ? { code: known.code, message: known.message } : known;
    streams.stderr.write(errorText(shown, { machine: asksForJson(argv) }));
    if (
      options.some((arg) => /^-v{2,}$/.test(arg)) ||
      options.filter((arg) => arg === '-v' || arg === '--verbose').length > 1
    ) {
      streams.stderr.write(`${traces(known).map(visible).join('\n')}\n`);
    }
    return exitOf(known.code);
  }
}

function exitOfSignal({ reason }: AbortSignal): number | undefined {
  return typeof reason === 'string' ? SIGNALS[reason as Signal] : undefined;
}

/** What a connection or an input says that was closed under a command because the user ended it. */
function isEnd(error: unknown): boolean {
  if (error instanceof DevstateError) return error.code === 'CONNECTION';
  return error instanceof Error && error.name === 'AbortError';
}

/** The lines of the stack, and of what caused it. */
function traces(error: Error): string[] {
  const causes = error.cause instanceof Error ? ['caused by:', ...traces(error.cause)] : [];
  return [...(error.stack ?? error.message).split('\n'), ...causes];
}

function internal(error: unknown): DevstateError {
  const message = error instanceof Error ? error.message : String(error);
  return new DevstateError('INTERNAL', message, { hint: 'this is a bug; -vv shows where', cause: error });
}

/** Usage errors come before the options are parsed, so argv itself is asked. */
export function asksForJson(argv: readonly string[]): boolean {
  return beforeDashes(argv).some(
    (arg, i) =>
      arg === '--json' ||
      /^(-o|--output=)(json|ndjson)$/.test(arg) ||
      ((arg === '-o' || arg === '--output') && /^(json|ndjson)$/.test(argv[i + 1] ?? '')),
  );
}

/** `--` ends the options. */
function beforeDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end === -1 ? argv : argv.slice(0, end);
}
