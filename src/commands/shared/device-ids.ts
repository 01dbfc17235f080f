/** Device ids from the command line and, where `-` is given, from standard input. */
import { slices } from '../../core/async/slices.js';
import { DevstateError, usageError } from '../../core/model/errors.js';
import { type Line, lineBatches } from '../../input/lines.js';
import type { InputItem } from './batch-runner.js';
import type { Context } from './context.js';

/** Whether the command prints one object; several ids, or `-`, print a list. */
export function isSingle(ids: readonly string[]): ids is readonly [string] {
  return ids.length === 1 && ids[0] !== '-';
}

const IDS_PER_BATCH = 500;

/**
 * Yields the ids in the order of the arguments; `-` is replaced by the lines of standard input.
 * @param size ids in a batch at most: smaller where a whole record is read for each id
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

/** Trims the line: no valid id has white space at its ends. */
function idOf({ number, read }: Line): string {
  try {
    return read().trim();
  } catch (error) {
    throw error instanceof DevstateError ? usageError(`line ${number}: ${error.message}`) : error;
  }
}
