/** The declared options as flags, from which the completion scripts of all shells are made. */
import type { CommandDeclaration, Option, ProgramDeclaration } from '../../shared/declaration.js';

export interface Flag {
  /** `-f`, `--file`. */
  names: readonly string[];
  summary: string;
  repeat: boolean;
  /** The name of its value in help texts; undefined if the flag takes no value. */
  value: string | undefined;
  /** The values it accepts; empty if any value is accepted. */
  values: readonly string[];
  /** The value is completed with file names; true for `<path>` and `<file>`. */
  file: boolean;
}

/** Options that commander adds itself. */
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

/** Quotes a text for bash and zsh, so that it is read literally as a word or as a pattern. */
export function shellWord(text: string): string {
  return /^[\w@%+:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
