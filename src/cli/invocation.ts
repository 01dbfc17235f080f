/** What a command line is run with. The types are in a file of their own because all of cli/ needs them. */
import type { Readable, Writable } from 'node:stream';

/** Environment variables. */
export type Env = Readonly<Record<string, string | undefined>>;

export interface Streams {
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable & { isTTY?: boolean };
}

/** What may end a command before it is done. */
export interface Cancellation {
  /** Aborted by SIGINT or SIGTERM; the reason is the signal's name. */
  interrupted: AbortSignal;
  /** Aborted when a write to stdout fails with EPIPE: its reader is gone. */
  stdoutClosed: AbortSignal;
}

/** The type of `main`: a context gets it for running command lines within a command. Resolves to the exit code. */
export type Main = (
  argv: readonly string[],
  env: Env,
  streams: Streams,
  interrupted: AbortSignal,
) => Promise<number>;

export interface Invocation {
  /** Without the names of Node and of the program. */
  argv: readonly string[];
  env: Env;
  streams: Streams;
  cancellation: Cancellation;
  main: Main;
}
