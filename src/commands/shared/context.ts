/**
 * The context of a command: everything that its `run` can use. No server is connected to, and no file is opened, before
 * the command asks for it. Not to be confused with the saved contexts (servers by name) of `devstate context`.
 */
import type { Fleet } from '../../core/store/fleet.js';
import type { ByteStream } from '../../input/lines.js';
import type { Printer } from '../../output/printer.js';
import type { Progress } from '../../output/progress-bar.js';
import type { Times } from '../../output/times.js';
import type { ProgramDeclaration } from './declaration.js';
import type { SavedContextStore } from './saved-context-store.js';

/**
 * A file or standard input. `size` (bytes) is known of regular files only; `bytesRead` is the number of bytes read
 * so far.
 */
export type Input = ByteStream & { readonly size?: number; readonly bytesRead?: number };

/** Receives the output of a command line run within this process. */
export interface OutputListener {
  stdout(text: string): void;
  stderr(text: string): void;
}

/** A redis-server started for one command. */
export interface TemporaryServer {
  readonly url: string;
  /** Stops the server and removes its data. */
  stop(): Promise<void>;
}

export interface Context {
  /**
   * Aborted when the command is to end: by SIGINT and SIGTERM, and, unless the command is declared to write
   * (`writes`), when its output is lost, because the reader has left or the disk is full.
   */
  readonly signal: AbortSignal;
  readonly print: Printer;
  readonly times: Times;
  /** Which standard streams are terminals: questions are asked and spinners shown on terminals only. */
  readonly terminal: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Returns the time of the fleet's server, as its replies told it, ms since the epoch; undefined: no reply has told it
   * yet. The clock of this machine is not used, because it may be wrong.
   */
  serverTime(): number | undefined;
  /**
   * Returns the fleet. The first call connects; later calls return the same fleet and ignore their options.
   * `onLost`: called when the connection was lost before the answer to a request, and at each failed attempt to
   * reconnect.
   * @throws DevstateError USAGE, CONNECTION
   */
  fleet(options?: { onLost?: () => void }): Promise<Fleet>;
  /**
   * Returns the namespace, the expected dialect and the database number of the fleet, and how its server is reached.
   * Does not connect.
   * @throws DevstateError USAGE
   */
  target(): Promise<{
    readonly namespace?: string;
    /** The dialect that the caller expects; undefined: any. */
    readonly dialect?: 'node' | 'python';
    readonly database: number;
    readonly topology: 'server' | 'sentinel' | 'cluster';
  }>;
  /**
   * The options of this command line that name a server, to be passed on to command lines run by `run`; empty if
   * the command line has none.
   */
  readonly serverOptions: readonly string[];
  /**
   * Returns whether writes are refused, because of `--read-only` or of the context in use.
   * @throws DevstateError USAGE
   */
  readOnly(): Promise<boolean>;
  /**
   * Returns the name of the context in use if it is protected, so that writes to several devices ask for
   * confirmation; else undefined.
   * @throws DevstateError USAGE
   */
  protectedContext(): Promise<string | undefined>;
  /** Returns the saved contexts, for `devstate context`. */
  contexts(): Promise<SavedContextStore>;
  /**
   * Returns a fleet on a connection of its own, to `url` or else to the server of this command line. SIGINT and
   * SIGTERM do not close that connection, unlike that of `fleet()`, so that clean-up can still use it.
   */
  fleetAt(url: string | undefined, namespace: string): Promise<Fleet>;
  /** Prints a notice, one line on stderr; with `--quiet` nothing. */
  notice(message: string): void;
  /** Prints the failure of one item of a batch on stderr. `line` is the number of the item's input line, from 1. */
  failure(error: unknown, line?: number): void;
  /** Opens a file, or standard input for `-`. @throws DevstateError USAGE: the file cannot be read */
  open(name: string): Promise<Input>;
  /** Asks a yes-or-no question on stderr, below the name of the context in use; false: declined. */
  confirm(question: string): Promise<boolean>;
  /** Shows a progress bar if stderr is a terminal. `total` is the whole amount of work, in items or bytes. */
  progress(options?: { total?: number }): Progress;
  /**
   * Runs a command line within this process and returns its exit code. `signal` interrupts the command line;
   * default: the signal of this context.
   */
  run(argv: readonly string[], output: OutputListener, signal?: AbortSignal): Promise<number>;
  /**
   * Starts a redis-server for this command alone.
   * @throws DevstateError CONNECTION: there is no redis-server program, or it does not start
   */
  startServer(): Promise<TemporaryServer>;
  /** The declarations of all commands and options, from which `devstate completion` makes its scripts. */
  readonly declarations: ProgramDeclaration;
}
