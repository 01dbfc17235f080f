/** What is asked before it is done: what cannot be undone; in a protected context, writes in bulk. */
import { usageError } from '../../core/model/errors.js';
import { isSingle } from './batch.js';
import type { Context } from './context.js';
import type { Option } from './declaration.js';

export const YES: Option = { flags: '-y, --yes', summary: 'do not ask' };

export interface Confirmation {
  /** Asked already. */
  yes: boolean | undefined;
  /** To whom it is done. */
  ids: readonly string[];
  /** Or whose ids these are. */
  file?: string | undefined;
}

/** False: declined. @throws DevstateError USAGE: nobody can be asked */
export async function confirmed(
  { terminal, confirm }: Context,
  { yes, ids, file }: Confirmation,
  { what, question }: { what: string; question: string },
): Promise<boolean> {
  if (yes) return true;
  const readsInput = file === '-' || ids.includes('-');
  if (!terminal.stdin || !terminal.stderr || readsInput)
    throw usageError(`${what} and nobody can be asked`, 'add --yes');
  return confirm(question);
}

/** The same of a write to many devices, where the context in use asks for it. */
export async function confirmedInBulk(context: Context, deed: Confirmation, doing: string): Promise<boolean> {
  const { yes, ids, file } = deed;
  if (yes || (file === undefined && isSingle(ids))) return true;
  const name = await context.protectedContext();
  if (name === undefined) return true;
  return confirmed(context, deed, {
    what: `the context ${name} is protected: this writes to many devices`,
    question: `${doing} ${file === undefined ? `${ids.length} devices` : `the devices of ${file}`}?`,
  });
}
