/**
 * What a command is: data that declares it, and `run`. The program (cli/program.ts), the
 * completions and the README's table are made from the declaration. A command sees the
 * context and nothing of the process, the connection or the terminal.
 */
import type { ErrorCode } from '../../core/model/errors.js';
import type { Fleet } from '../../core/store/fleet.js';
import type { ByteStream } from '../../input/lines.js';
import type { Printer } from '../../output/printer.js';
import type { Progress } from '../../output/progress.js';
import type { Times } from '../../output/times.js';
import type { PrivateServer } from '../../redis/private-server.js';

export type Group = 'Devices' | 'Presence' | 'Shadow' | 'Tools';

export interface Argument {
  /** As in `get ID...`: `id`. */
  name: string;
  summary: string;
  required?: boolean;
  variadic?: boolean;
  /** The fixed values it may take. */
  values?: readonly string[];
}

export interface Option {
  /** Commander's form: `--ttl <duration>`, `-f, --file <path>`, `--merge`. */
  flags: string;
  summary: string;
  /** Text to value; throws DevstateError USAGE. */
  parse?(text: string): unknown;
  /** The fixed values it may take. */
  values?: readonly string[];
  /** May be given several times; the values gather in an array. */
  repeat?: boolean;
}

export interface Command<Options = Record<string, unknown>> {
  name: string;
  group: Group;
  summary: string;
  arguments: readonly Argument[];
  options: readonly Option[];
  /** Runs until it is told to end: ending on SIGTERM is success. */
  service?: true;
  /** It writes whatever it is given: refused before it connects where nothing may be written. */
  writes?: true;
  /** Whole command lines, shown by `--help`. */
  examples: readonly string[];
  /** A code says how to exit where all has been said already; errors are thrown. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most commands just end, and `undefined` would ask each for a return
  run(context: Context, args: readonly string[], options: Options): Promise<ErrorCode | void>;
}

/** Keeps a declaration's options type with its `run`. */
export function command<Options>(declaration: Command<Options>): Command {
  return declaration as unknown as Command;
}

export interface Captured {
  stdout(text: string): void;
  stderr(text: string): void;
}

/** What is read: a file, whose size is known, or standard input. */
export type Input = ByteStream & { readonly size?: number; readonly bytesRead?: number };

/** A server by name, and how to use it. */
export interface ContextEntry {
  name: string;
  /** In use where no option and no variable names a server. */
  current: boolean;
  /** *** for the password. */
  url: string;
  namespace: string | null;
  dialect: 'node' | 'python' | null;
  readOnly: boolean;
  /** Asks before a write in bulk. */
  protected: boolean;
  ca: string | null;
  cert: string | null;
  key: string | null;
  insecure: boolean;
}

export interface ContextChanges {
  protected?: boolean;
  /** These are taken away. */
  unset: readonly Exclude<keyof ContextEntry, 'name' | 'current' | 'url' | 'protected'>[];
}

/** Each method throws DevstateError USAGE for a name that is not there, and for a file that is broken. */
export interface ContextStore {
  list(): Promise<ContextEntry[]>;
  /** Without a name: the one that `--context` names, or the current one. */
  get(name?: string): Promise<ContextEntry>;
  use(name: string): Promise<ContextEntry>;
  /** Adds or changes it; the global options that are given become its own. */
  set(name: string, changes: ContextChanges): Promise<ContextEntry>;
  remove(name: string): Promise<void>;
}

export interface Context {
  /** Ends long-running commands: interrupted, terminated, or stdout closed. */
  readonly signal: AbortSignal;
  /** Ends what is done for its own sake, whoever reads of it: interrupted or terminated. */
  readonly interrupted: AbortSignal;
  readonly print: Printer;
  readonly times: Times;
  /** Spinners and questions are for terminals. */
  readonly terminal: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** ms; this machine's clock. */
  now(): number;
  /**
   * Connects at the first call. `persistent`: comes back after a loss, for commands that run on;
   * `onLost` hears of it, perhaps more than once.
   */
  fleet(options?: { persistent?: boolean; onLost?: () => void }): Promise<Fleet>;
  /** Where the fleet is, without asking a server. @throws DevstateError USAGE */
  place(): Promise<{ readonly namespace?: string; readonly database: number }>;
  /** The options that name a server, for command lines run within this one; none where none is named. */
  readonly serverOptions: readonly string[];
  /** Whether nothing may be written, by `--read-only` or by the context in use. */
  readOnly(): Promise<boolean>;
  /** The context in use, where it is one that asks before a write in bulk. */
  protectedContext(): Promise<string | undefined>;
  /** What `devstate context` does to the contexts. */
  contexts(): Promise<ContextStore>;
  /** A fleet of one's own, on that server or else the usual one; it stays until the command is over. */
  fleetAt(url: string | undefined, namespace: string): Promise<Fleet>;
  /** One line on stderr, not with `--quiet`. */
  notice(message: string): void;
  /** An item's failure, on stderr; the command goes on and says so at its end. */
  failure(error: unknown, line?: number): void;
  /** A file, or standard input for `-`. @throws USAGE: unreadable */
  open(name: string): Promise<Input>;
  /** Asks on the terminal, below the name of the context in use; false: declined. */
  confirm(question: string): Promise<boolean>;
  /** Shows that something takes a while; nothing where stderr is no terminal. */
  waiting(text: string): { stop(): void };
  /** The same, with how much is done; `total` is the whole, in whatever it is measured. */
  progress(options?: { total?: number }): Progress;
  /** Runs a command line within this process, what it prints handed over. Gives its exit code. */
  run(argv: readonly string[], output: Captured, signal?: AbortSignal): Promise<number>;
  /** A redis-server of the demo's own. */
  startServer(): Promise<PrivateServer>;
}
