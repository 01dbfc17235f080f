/** What `run` of a command gets. Nothing connects, and no file is opened, before a command asks for it. */
import type { Fleet } from '../../core/store/fleet.js';
import type { ByteStream } from '../../input/lines.js';
import type { Printer } from '../../output/printer.js';
import type { Progress } from '../../output/progress-bar.js';
import type { Times } from '../../output/times.js';
import type { ContextStore } from './context-store.js';
import type { ProgramDeclaration } from './declaration.js';

/** A file or standard input; `size` in bytes is known of regular files only. */
export type Input = ByteStream & { readonly size?: number; readonly bytesRead?: number };

/** Receives the output of a command line run within this process. */
export interface OutputListener {
  stdout(text: string): void;
  stderr(text: string): void;
}

/** A redis-server started for one command. */
export interface TemporaryServer {
  readonly url: string;
  /** Stops it and removes its data. */
  stop(): Promise<void>;
}

export interface Context {
  /** Aborted by SIGINT, SIGTERM, and when stdout is closed: for commands whose purpose is their output. */
  readonly signal: AbortSignal;
  /** Aborted by SIGINT and SIGTERM only: for commands whose effect matters even if nobody reads the output. */
  readonly interrupted: AbortSignal;
  readonly print: Printer;
  readonly times: Times;
  /** Which standard streams are terminals: only there are questions asked and spinners shown. */
  readonly terminal: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** This machine's clock, ms since the epoch. */
  now(): number;
  /**
   * Connects at the first call; later calls return the same fleet and ignore their options.
   * `persistent`: reconnects after a loss, for commands that run until they are stopped.
   * `onLost`: called at each loss and each failed attempt to reconnect.
   * @throws DevstateError USAGE, CONNECTION
   */
  fleet(options?: { persistent?: boolean; onLost?: () => void }): Promise<Fleet>;
  /** The namespace and database of the fleet, without connecting. @throws DevstateError USAGE */
  target(): Promise<{ readonly namespace?: string; readonly database: number }>;
  /** The options of this command line that name a server, for command lines run within it; empty if there are none. */
  readonly serverOptions: readonly string[];
  /** Whether writes are refused, by `--read-only` or by the context in use. @throws DevstateError USAGE */
  readOnly(): Promise<boolean>;
  /** The name of the context in use, if bulk writes there ask for confirmation. @throws DevstateError USAGE */
  protectedContext(): Promise<string | undefined>;
  /** The saved contexts, for `devstate context`. */
  contexts(): Promise<ContextStore>;
  /**
   * A fleet on a connection of its own, to `url` or else to the server of this command line. Unlike that
   * of `fleet()`, the connection is not closed by SIGINT or SIGTERM, so that clean-up can still use it.
   */
  fleetAt(url: string | undefined, namespace: string): Promise<Fleet>;
  /** Prints a line on stderr; with `--quiet` nothing. */
  notice(message: string): void;
  /** Prints the failure of one item of a batch on stderr; `line` is the input line, from 1. */
  failure(error: unknown, line?: number): void;
  /** Opens a file, or standard input for `-`. @throws DevstateError USAGE: it cannot be read */
  open(name: string): Promise<Input>;
  /** Asks a yes-or-no question on stderr, below the name of the context in use; false: declined. */
  confirm(question: string): Promise<boolean>;
  /** Shows a progress bar, if stderr is a terminal; `total` is in the unit that the bar is advanced by. */
  progress(options?: { total?: number }): Progress;
  /** Runs a command line within this process and returns its exit code. `signal` interrupts it; default: the context's. */
  run(argv: readonly string[], output: OutputListener, signal?: AbortSignal): Promise<number>;
  /** Starts a redis-server for this command alone. @throws DevstateError CONNECTION: no redis-server, or it fails */
  startServer(): Promise<TemporaryServer>;
  /** Everything that the command line accepts, for `devstate completion`. */
  readonly declarations: ProgramDeclaration;
}
