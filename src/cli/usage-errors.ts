/** Turns commander's errors into usage errors with a hint. */
import type { CommanderError } from 'commander';
import { commands } from '../commands/index.js';
import { DevstateError, usageError } from '../core/model/errors.js';
import { hintFor } from './hints.js';

/**
 * Returns a usage error with commander's message. Its hint is commander's suggestion, or names the help to read.
 */
export function fromCommander(error: CommanderError, argv: readonly string[]): DevstateError {
  const [message = '', second = ''] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = /^\(Did you mean (.+)\?\)$/.exec(second)?.[1];
  const command = commands.find(({ name }) => argv.includes(name))?.name;
  const help = command ? `devstate ${command} --help` : 'devstate --help';
  const stray = error.code === 'commander.excessArguments' ? strayAssignment(argv) : undefined;
  return usageError(message, stray ?? (suggestion ? `did you mean ${suggestion}?` : help));
}

/** Calls `parse` on the value of an option, and puts the option's name before the message of an error. */
export function namingOption<T>(flags: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof DevstateError)) throw error;
    throw usageError(`${/--[\w-]+/.exec(flags)?.[0]}: ${error.message}`, hintFor(error));
  }
}

/**
 * Returns the hint for `--report a=1 b=2`, where `b=2` lacks a `--report` before it: each assignment needs its own.
 */
function strayAssignment(argv: readonly string[]): string | undefined {
  const index = argv.findIndex(
    (arg, i) =>
      i >= 2 && isAssignment(arg) && isAssignment(argv[i - 1]) && /^--(report|meta)$/.test(argv[i - 2] ?? ''),
  );
  return index === -1 ? undefined : `did you mean ${argv[index - 2]} ${argv[index]}?`;
}

function isAssignment(arg: string | undefined): boolean {
  return arg !== undefined && /^[^-=][^=]*=/.test(arg);
}
