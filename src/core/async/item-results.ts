/**
 * Helpers for calls with many items (devices), each of which succeeds or fails alone. Two things always hold: results
 * are in the order of the items, and several operations on one device are done in the order of the items.
 */
import { DevstateError, isConnectionError } from '../model/errors.js';

/** The result of one item, or its error. */
export type ItemResult<Result> = Result | DevstateError;

/** Returns the only result of a call for one item. @throws DevstateError if the item failed */
export function unwrapOne<Result>([result]: readonly ItemResult<Result>[]): Result {
  if (result instanceof DevstateError) throw result;
  return result as Result;
}

/** Returns what `read` returns, or the DevstateError that it throws. Any other error is thrown. */
export function itemResultOf<Item>(read: () => Item): ItemResult<Item> {
  try {
    return read();
  } catch (error) {
    if (error instanceof DevstateError) return error;
    throw error;
  }
}

/**
 * Returns the result of the work for one item, or the DevstateError with which it fails. It rejects with an error of
 * the connection, and with one that is not a DevstateError, because these concern the whole batch.
 */
export async function awaitItemResult<Result>(work: Promise<Result>): Promise<ItemResult<Result>> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof DevstateError && !isConnectionError(error)) return error;
    throw error;
  }
}

/**
 * Cuts items into runs that have at most one item of each device, so that several operations on one device are done in
 * order; the caller must finish a run before it sends the next. An item may be sent a second time after the rest of its
 * run, and a later operation on its device in the same run would be done before that second attempt.
 */
export function* splitAtRepeats<Item extends { id: string }>(items: readonly Item[]): Generator<Item[]> {
  let run: Item[] = [];
  let ids = new Set<string>();
  for (const item of items) {
    if (ids.has(item.id)) {
      yield run;
      run = [];
      ids = new Set();
    }
    run.push(item);
    ids.add(item.id);
  }
  if (run.length > 0) yield run;
}
