/**
 * What a command line is run with: arguments, environment, streams and signals. These types have a file of their
 * own because all files of cli/ need them.
 */
import type { Readable, Writable } from 'node:stream';
import type { StdoutWriter } from '../output/stdout-writer.js';

/** Environment variables by name. */
export type Env = Readonly<Record<string, string | undefined>>;

export interface Streams {
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable & { isTTY?: boolean };
}

/**
 * The type of `main`, which runs a command line and resolves to its exit code. A command gets `main` through its
 * context, to run further command lines.
 */
export type Main = (
  argv: readonly string[],
  env: Env,
  streams: Streams,
  interrupted: AbortSignal,
) => Promise<number>;

export interface Invocation {
  /** The arguments, without the names of Node.js and of the program. */
  argv: readonly string[];
  env: Env;
  streams: Streams;
  /** Writes to `streams.stdout`. */
  output: StdoutWriter;
  /** Aborted by SIGINT or SIGTERM; the reason is the signal's name. */
  interrupted: AbortSignal;
  main: Main;
}
