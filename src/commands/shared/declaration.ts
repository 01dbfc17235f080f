/**
 * What a command declares: its name, arguments and options. The program (cli/program.ts), the
 * completion scripts and the README's tables are made from the declarations.
 */

export type Group = 'Devices' | 'Presence' | 'Shadow' | 'Tools';

export interface Argument {
  /** Lower case: `id` for `get ID...`. */
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
  /** Converts the text of the command line to the option's value; throws DevstateError USAGE. */
  parse?(text: string): unknown;
  /** The fixed values it may take. */
  values?: readonly string[];
  /** May be given several times; the values are collected in an array. */
  repeat?: boolean;
}

export interface CommandDeclaration {
  name: string;
  group: Group;
  summary: string;
  arguments: readonly Argument[];
  options: readonly Option[];
  /** The command runs until it is stopped, so that SIGTERM ends it with exit code 0. */
  service?: true;
  /** The command always writes: with `--read-only` or a read-only context it is refused before it connects. */
  writes?: true;
  /** Whole command lines, printed by `--help`. */
  examples: readonly string[];
}

/** Everything that the command line accepts. */
export interface ProgramDeclaration {
  /** The options that every command takes. */
  globals: readonly Option[];
  commands: readonly CommandDeclaration[];
}
