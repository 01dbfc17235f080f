/**
 * Many items in one call, each of which succeeds or fails alone. Two things always hold: results are in the order of
 * the items, and operations on one device are done in their order.
 */
import { DevstateError, isConnectionError } from '../model/errors.js';

/** The result of one item, or its error. */
export type ItemResult<Result> = Result | DevstateError;

/**
 * Validates the inputs with `parse` and sends the valid items together. An input that `parse` throws a DevstateError
 * for fails with it; the others are sent.
 * @param send returns a result for each valid item, in order
 */
export async function sendValidItems<Input, Item, Result>(
  inputs: readonly Input[],
  parse: (input: Input) => Item,
  send: (items: readonly Item[]) => Promise<readonly ItemResult<Result>[]>,
): Promise<ItemResult<Result>[]> {
  const items = inputs.map((input) => itemResultOf(() => parse(input)));
  const validItems = items.flatMap((item) => (item instanceof DevstateError ? [] : [item]));
  const results = (await send(validItems)).values();
  return items.map((item) =>
    item instanceof DevstateError ? item : (results.next().value as ItemResult<Result>),
  );
}

/** Returns the only result of a call for one item. @throws DevstateError if the item failed */
export function unwrapOne<Result>([result]: readonly ItemResult<Result>[]): Result {
  if (result instanceof DevstateError) throw result;
  return result as Result;
}

/** Returns what `read` returns, or the DevstateError that it throws. @throws any other error */
export function itemResultOf<Item>(read: () => Item): ItemResult<Item> {
  try {
    return read();
  } catch (error) {
    if (error instanceof DevstateError) return error;
    throw error;
  }
}

/**
 * Returns what the work resolves with, or the DevstateError that it rejects with. Rejects with a CONNECTION error and
 * with any other error, because they are not about this item only.
 */
export async function itemFailure<Result>(work: Promise<Result>): Promise<ItemResult<Result>> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof DevstateError && !isConnectionError(error)) return error;
    throw error;
  }
}

/**
 * Cuts items into runs that are sent one after the other. Within a run an item that `mayBeResent` accepts may be sent a
 * second time, later than the items after it; so after such an item a run has no device twice, and operations on one
 * device stay in order.
 */
export function* splitAtRepeats<Item extends { id: string }>(
  items: readonly Item[],
  mayBeResent: (item: Item) => boolean,
): Generator<Item[]> {
  let run: Item[] = [];
  let ids = new Set<string>();
  let anyMayBeResent = false;
  for (const item of items) {
    anyMayBeResent ||= mayBeResent(item);
    if (anyMayBeResent && ids.has(item.id)) {
      yield run;
      run = [];
      ids = new Set();
      anyMayBeResent = mayBeResent(item);
    }
    run.push(item);
    ids.add(item.id);
  }
  if (run.length > 0) yield run;
}
