/**
 * Asks for confirmation before a write. `unregister` always asks; in a protected context every write to several
 * devices asks.
 */
import { usageError } from '../../core/model/errors.js';
import type { Context } from './context.js';
import type { Option } from './declaration.js';
import { isSingle } from './device-ids.js';

export const YES: Option = { flags: '-y, --yes', summary: 'do not ask for confirmation' };

export interface WriteRequest {
  /**
   * True: `--yes` was given, so no question is asked. Otherwise one is asked where the write needs confirmation.
   */
  yes: boolean | undefined;
  /** The ids given as arguments; `-` stands for ids on standard input. */
  ids: readonly string[];
  /** The path of the file that names the devices; undefined: `ids` names them. */
  file?: string | undefined;
}

/**
 * Asks for confirmation on the terminal. Returns false if the user declines; with `--yes` returns true without a
 * question.
 * @param reason the beginning of the error message: `this removes devices`
 * @throws DevstateError USAGE: there is no terminal to ask on, or standard input is used for the ids
 */
export async function confirm(
  context: Context,
  { yes, ids, file }: WriteRequest,
  { reason, question }: { reason: string; question: string },
): Promise<boolean> {
  if (yes) return true;
  const readsInput = file === '-' || ids.includes('-');
  if (!context.terminal.stdin || !context.terminal.stderr || readsInput)
    throw usageError(`${reason} and needs confirmation`, 'add --yes');
  return context.confirm(question);
}

/**
 * Asks for confirmation before a write to several devices in a protected context. Returns true without a question
 * for a single device, outside protected contexts, and with `--yes`.
 * @param verb the beginning of the question: `Take offline` of `Take offline 3 devices?`
 */
export async function confirmBulkWrite(
  context: Context,
  request: WriteRequest,
  verb: string,
): Promise<boolean> {
  const { yes, ids, file } = request;
  if (yes || (file === undefined && isSingle(ids))) return true;
  const name = await context.protectedContext();
  if (name === undefined) return true;
  return confirm(context, request, {
    reason: `the context ${name} is protected: this writes to many devices`,
    question: `${verb} ${file === undefined ? `${ids.length} devices` : `the devices of ${file}`}?`,
  });
}
