/** A command: its declaration, and `run`, which gets a context and nothing of the process or the connection. */
import type { ErrorCode } from '../../core/model/errors.js';
import type { Context } from './context.js';
import type { CommandDeclaration } from './declaration.js';

export interface Command<Options = Record<string, unknown>> extends CommandDeclaration {
  /**
   * Errors are thrown. A returned code sets the exit code of a command that has reported its failures
   * already; nothing returned is exit code 0.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: most commands return nothing, and `undefined` would require a return in each
  run(context: Context, args: readonly string[], options: Options): Promise<ErrorCode | void>;
}

/** Checks `run` against the type of its options, then drops that type, so that a list can hold all commands. */
export function command<Options>(declaration: Command<Options>): Command {
  return declaration as unknown as Command;
}
