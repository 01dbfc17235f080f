/** The flags of the declared options, in the form that the completion scripts of all shells are made from. */
import type { CommandDeclaration, Option, ProgramDeclaration } from '../../shared/declaration.js';

export interface Flag {
  /** `-f`, `--file`. */
  names: readonly string[];
  summary: string;
  repeat: boolean;
  /** What its value is called; undefined: it takes none. */
  value: string | undefined;
  /** Its fixed values, none if it takes any. */
  values: readonly string[];
  /** Its value is a path: declared as `<path>` or `<file>`. */
  file: boolean;
}

/** Those of the program itself, which need no declaration. */
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

/** A word as a shell takes it literally, be it a word, an element of an array, or a pattern. */
export function shellWord(text: string): string {
  return /^[\w@%+:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
