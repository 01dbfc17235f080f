/**
 * What a command is: data that declares it, and `run`. The program (cli/program.ts), the
 * completions and the README's table are made from the declaration. A command sees the
 * context and nothing of the process, the connection or the terminal.
 */
import type { DeviceStateManager } from '../core/manager.js';
import type { Printer } from '../output/printer.js';
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
  /** Whole command lines, shown by `--help`. */
  examples: readonly string[];
  run(context: Context, args: readonly string[], options: Options): Promise<void>;
}

/** Keeps a declaration's options type with its `run`. */
export function command<Options>(declaration: Command<Options>): Command {
  return declaration as unknown as Command;
}

export interface Context {
  /** Ends long-running commands: interrupted, terminated, or stdout closed. */
  readonly signal: AbortSignal;
  readonly print: Printer;
  readonly stdin: AsyncIterable<Buffer | string>;
  readonly terminal: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly quiet: boolean;
  /** What the user calls the server; no password in it. */
  readonly target: string;
  now(): number;
  /** Connects at the first call. `persistent`: reconnects, for commands that run on. */
  manager(options?: { persistent?: boolean }): Promise<DeviceStateManager>;
  /** One line on stderr, not with `--quiet`. */
  notice(message: string): void;
  /** An item's failure on stderr; the command goes on and throws at its end. */
  failure(error: unknown, line?: number): void;
  /** Asks on the terminal; false: declined. */
  confirm(question: string): Promise<boolean>;
  /** Runs a command line within this process, on the same streams (`demo`). */
  run(argv: readonly string[], output: { stdout(text: string): void; stderr(text: string): void; signal?: AbortSignal }): Promise<number>;
  /** Where demo's own server comes from. */
  startServer(): Promise<PrivateServer>;
}
