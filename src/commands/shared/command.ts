/**
 * A command: its declaration, and `run`, which gets everything from its context and uses neither the process nor a
 * connection of its own.
 */
import type { ErrorCode } from '../../core/model/errors.js';
import type { Context } from './context.js';
import type { CommandDeclaration } from './declaration.js';

export interface Command<Options = Record<string, unknown>> extends CommandDeclaration {
  /**
   * Runs the command, and throws an error that ends it. A returned code only sets the exit code, for a command that
   * has already reported its failures; if nothing is returned, the exit code is 0.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: most commands return nothing, and `undefined` would require a return in each
  run(context: Context, args: readonly string[], options: Options): Promise<ErrorCode | void>;
}

/**
 * Declares a command. The compiler checks `run` against the type of its options; the result has no such type, so
 * that one list can hold all commands.
 */
export function command<Options>(declaration: Command<Options>): Command {
  return declaration as unknown as Command;
}
