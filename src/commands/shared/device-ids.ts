/** Device ids from the command line and, where `-` is given, from standard input. */
import { slices } from '../../core/async/slices.js';
import { DevstateError, usageError } from '../../core/model/errors.js';
import { type Line, lineBatches } from '../../input/lines.js';
import type { InputItem } from './batch-runner.js';
import type { Context } from './context.js';

/** Returns whether the command is for one given id, and prints one object; several ids, or `-`, print a list. */
export function isSingle(ids: readonly string[]): ids is readonly [string] {
  return ids.length === 1 && ids[0] !== '-';
}

const IDS_PER_BATCH = 500;

/**
 * Yields the ids in the order of the arguments; `-` is replaced by the lines of standard input.
 * @param size the most ids in a batch; a command that reads whole records needs small batches, to limit memory
 */
export async function* idBatches(
  context: Context,
  ids: readonly string[],
  size: number = IDS_PER_BATCH,
): AsyncGenerator<readonly InputItem<string>[]> {
  let batch: InputItem<string>[] = [];
  for (const id of ids) {
    if (id !== '-') batch.push({ read: () => id });
    if (batch.length > 0 && (id === '-' || batch.length === size)) {
      yield batch;
      batch = [];
    }
    if (id !== '-') continue;
    for await (const lines of lineBatches(await context.open('-')))
      for (const part of slices(lines, size)) yield part.map((line) => ({ read: () => idOf(line) }));
  }
  if (batch.length > 0) yield batch;
}

/** Returns the id on a line of standard input, without white space at its ends: no valid id has any there. */
function idOf({ number, read }: Line): string {
  try {
    return read().trim();
  } catch (error) {
    throw error instanceof DevstateError ? usageError(`line ${number}: ${error.message}`) : error;
  }
}
