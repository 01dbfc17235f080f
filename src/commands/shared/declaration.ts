/**
 * What a command declares: its name, arguments and options. The program (cli/program.ts), the
 * completion scripts and the README's tables are made from the declarations.
 */

export type Group = 'Devices' | 'Presence' | 'Shadow' | 'Tools';

export interface Argument {
  /** The name of the argument in help texts, in lower case: `id` of `get ID...`. */
  name: string;
  summary: string;
  required?: boolean;
  variadic?: boolean;
  /** The values that the argument may have; undefined: any. */
  values?: readonly string[];
}

export interface Option {
  /**
   * The names of the option, and of its value, in commander's form: `--ttl <duration>`, `-f, --file <path>`,
   * `--merge`.
   */
  flags: string;
  summary: string;
  /**
   * Converts the text on the command line to the option's value, when the command line is parsed. Throws
   * DevstateError USAGE if the text is not valid.
   */
  parse?(text: string): unknown;
  /** The values that the option may have; undefined: any. */
  values?: readonly string[];
  /**
   * True: the option may be given several times, and its values are collected in an array. False: the last value
   * counts.
   */
  repeat?: boolean;
}

export interface CommandDeclaration {
  name: string;
  group: Group;
  summary: string;
  arguments: readonly Argument[];
  options: readonly Option[];
  /**
   * True: the command runs until it is stopped, so SIGTERM ends it with exit code 0. Otherwise SIGTERM ends it
   * with 143.
   */
  service?: true;
  /**
   * True: the command writes. It is refused with `--read-only`, or in a read-only context, before it connects, and
   * continues when its output is lost. Otherwise it runs there too, but each write that it tries is refused; and it
   * ends when its output is lost.
   */
  writes?: true;
  /** Whole command lines that `--help` prints as examples. */
  examples: readonly string[];
}

/** Everything that the command line of devstate accepts: all commands with their arguments and options. */
export interface ProgramDeclaration {
  /** The options that every command takes. */
  globals: readonly Option[];
  commands: readonly CommandDeclaration[];
}
