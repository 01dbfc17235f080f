/**
 * What a command is: data that declares it, and `run`. The program (cli/program.ts), the
 * completions and the README's table are made from the declaration. A command sees the
 * context and nothing of the process, the connection or the terminal.
 */
import type { ErrorCode } from '../core/errors.js';
import type { Fleet } from '../core/fleet.js';
import type { ByteStream } from '../input/lines.js';
import type { Printer } from '../output/printer.js';
import type { Times } from '../output/times.js';
import type { PrivateServer } from '../redis/server.js';

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
  /** Whole command lines, shown by `--help`. */
  examples: readonly string[];
  /** A code says how to exit where all has been said already; errors are thrown. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most commands just end
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

export interface Context {
  /** Ends long-running commands: interrupted, terminated, or stdout closed. */
  readonly signal: AbortSignal;
  readonly print: Printer;
  readonly times: Times;
  /** Spinners and questions are for terminals. */
  readonly terminal: { readonly stdin: boolean; readonly stderr: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** ms; this machine's clock. */
  now(): number;
  /**
   * Connects at the first call. `persistent`: comes back after a loss, for commands that run on;
   * `onLost` hears of it, perhaps more than once.
   */
  fleet(options?: { persistent?: boolean; onLost?: () => void }): Promise<Fleet>;
  /** The server that `--url` names. */
  readonly url: string | undefined;
  /** A fleet of one's own, on that server or else the usual one; it stays until the command is over. */
  fleetAt(url: string | undefined, namespace: string): Promise<Fleet>;
  /** One line on stderr, not with `--quiet`. */
  notice(message: string): void;
  /** An item's failure, on stderr; the command goes on and says so at its end. */
  failure(error: unknown, line?: number): void;
  /** A file, or standard input for `-`. @throws USAGE: unreadable */
  open(name: string): Promise<ByteStream>;
  /** Asks on the terminal; false: declined. */
  confirm(question: string): Promise<boolean>;
  /** Shows that something takes a while; nothing where stderr is no terminal. */
  waiting(text: string): { stop(): void };
  /** Runs a command line within this process, what it prints handed over. Gives its exit code. */
  run(argv: readonly string[], output: Captured, signal?: AbortSignal): Promise<number>;
  /** A redis-server of the demo's own. */
  startServer(): Promise<PrivateServer>;
}
