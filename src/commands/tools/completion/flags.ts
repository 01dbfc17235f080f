/** The declared options as flags, from which the completion scripts of all shells are made. */
import type { CommandDeclaration, Option, ProgramDeclaration } from '../../shared/declaration.js';

export interface Flag {
  /** The names of the option: `-f` and `--file`. */
  names: readonly string[];
  summary: string;
  repeat: boolean;
  /** The name of the option's value in help texts; undefined: the option takes no value. */
  value: string | undefined;
  /** The values that the option accepts; empty: any value. */
  values: readonly string[];
  /**
   * True: the value is completed with file names, because its name is `path` or `file`. False: it is completed
   * from `values`.
   */
  file: boolean;
}

/** The options that commander adds itself, which are not declared. */
const BUILT_IN: readonly Option[] = [
  { flags: '-h, --help', summary: 'show help' },
  { flags: '-V, --version', summary: 'show the version' },
];

export function globalFlags({ globals }: ProgramDeclaration): Flag[] {
  const declared = globals.map(readFlag);
  const builtIn = BUILT_IN.map(readFlag).filter(
    ({ names }) => !declared.some((flag) => flag.names.some((name) => names.includes(name))),
  );
  return [...declared, ...builtIn];
}

export function ownFlags(command: CommandDeclaration): Flag[] {
  return command.options.map(readFlag);
}

function readFlag({ flags, summary, repeat = false, values = [] }: Option): Flag {
  const value = flags.match(/<([^>]+)>/)?.[1];
  return {
    names: flags.match(/(?<![\w<-])--?\w[\w-]*/g) ?? [],
    summary,
    repeat,
    value,
    values,
    file: value === 'path' || value === 'file',
  };
}

/** Quotes a text for bash and zsh, so that it is read literally as a word or as a pattern of `case`. */
export function shellWord(text: string): string {
  return /^[\w@%+:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
