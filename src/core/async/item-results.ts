/**
 * Many items in one call, each of which succeeds or fails alone. What must hold: results
 * stand in the order of the items, and nothing overtakes an earlier operation on its device.
 */
import { DevstateError } from '../model/errors.js';

/** What came of one item. */
export type ItemResult<Result> = Result | DevstateError;

/**
 * Sends what `read` makes of the items; those that it throws at fail with that.
 * @param send gives for each of them, in order, what came of it
 */
export async function sendValidItems<Given, Item, Result>(
  given: readonly Given[],
  read: (each: Given) => Item,
  send: (items: readonly Item[]) => Promise<readonly ItemResult<Result>[]>,
): Promise<ItemResult<Result>[]> {
  const items = given.map((each) => itemResultOf(() => read(each)));
  const answers = (
    await send(items.flatMap((item) => (item instanceof DevstateError ? [] : [item])))
  ).values();
  return items.map((item) =>
    item instanceof DevstateError ? item : (answers.next().value as ItemResult<Result>),
  );
}

/** The one result of a single item. @throws DevstateError */
export function unwrapOne<Result>([result]: readonly ItemResult<Result>[]): Result {
  if (result instanceof DevstateError) throw result;
  return result as Result;
}

/** What was promised, or the failure that is the item's own: a lost connection is everybody's. */
export async function itemFailure<Result>(work: Promise<Result>): Promise<ItemResult<Result>> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof DevstateError && !isConnectionError(error)) return error;
    throw error;
  }
}

/** Whether it was not answered, or refused whoever was meant. */
export function isConnectionError(result: unknown): result is DevstateError {
  return result instanceof DevstateError && result.code === 'CONNECTION';
}

/**
 * What all of them give, once none is under way any more: who is told of a failure may go on
 * at once, and must not be overtaken by what was sent before.
 */
export async function settleAll<Result>(
  works: Iterable<Result | Promise<Result>>,
): Promise<Awaited<Result>[]> {
  const outcomes = await Promise.allSettled(works);
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

/** Waits for all requests, and gives the values of those that succeeded and the errors of the others. */
export async function collectOutcomes<T>(
  requests: readonly Promise<T>[],
): Promise<{ values: T[]; failures: unknown[] }> {
  const settled = await Promise.allSettled(requests);
  return {
    values: settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])),
    failures: settled.flatMap((each) => (each.status === 'rejected' ? [each.reason] : [])),
  };
}

/**
 * Cuts items into runs that may be worked at as a whole. After one of which `alone` says that
 * it may be sent later, with all that is sent together with it, no device comes again.
 */
export function* splitAtRepeats<Item extends { id: string }>(
  items: readonly Item[],
  alone: (item: Item) => boolean,
): Generator<Item[]> {
  let run: Item[] = [];
  let seen = new Set<string>();
  let anyAlone = false;
  for (const item of items) {
    anyAlone ||= alone(item);
    if (anyAlone && seen.has(item.id)) {
      yield run;
      run = [];
      seen = new Set();
      anyAlone = alone(item);
    }
    run.push(item);
    seen.add(item.id);
  }
  if (run.length > 0) yield run;
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
