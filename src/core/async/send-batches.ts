/**
 * Calls with many items (devices), each of which succeeds or fails alone. If the connection is lost meanwhile, the
 * items that were answered keep their results. The items of a lost batch fail, and no further batch is sent, because
 * each might wait for the request timeout. The call fails as a whole only if no batch was answered.
 */
import { DevstateError, deviceError, isConnectionError } from '../model/errors.js';
import { awaitItemResult, type ItemResult, itemResultOf } from './item-results.js';
import { mapConcurrently, settleAll } from './settled.js';
import { slices } from './slices.js';

/**
 * The most items of a call that are parsed and sent together. So the memory that items take besides their results (JSON
 * text, place in a group, reply) does not grow with the call.
 */
const MAX_ITEMS_AT_ONCE = 10_000;

/** An item of a device: its id, or an object that has it. */
export type Identified = string | { id: string };

/** Sends items, and returns a result for each, in order. It rejects with CONNECTION only if no item was answered. */
export type Send<Item, Result> = (items: readonly Item[]) => Promise<readonly ItemResult<Result>[]>;

export function idOf(item: Identified): string {
  return typeof item === 'string' ? item : item.id;
}

/**
 * Validates the inputs with `parse` and sends the valid items. Returns a result for each input, in order: for an input
 * that is not valid, the DevstateError that `parse` threw. Many inputs are parsed and sent in parts, one part after the
 * other.
 * @throws DevstateError CONNECTION: no item was answered
 */
export function sendValidItems<Input, Item extends Identified, Result>(
  inputs: readonly Input[],
  parse: (input: Input) => Item,
  send: Send<Item, Result>,
): Promise<ItemResult<Result>[]> {
  const sendPart = async (part: readonly Input[]) => {
    const items = part.map((input) => itemResultOf(() => parse(input)));
    const validItems = items.flatMap((item) => (item instanceof DevstateError ? [] : [item]));
    const results = (await send(validItems)).values();
    return items.map((item) =>
      item instanceof DevstateError ? item : (results.next().value as ItemResult<Result>),
    );
  };
  return sendAll(slices(inputs, MAX_ITEMS_AT_ONCE), sendPart, 1, (input) => idOf(parse(input)));
}

/**
 * Sends batches in order, and returns the results of their items. After a batch that is lost, the items of the batches
 * that were not sent yet fail with CONNECTION too, without an outcome.
 * @param atOnce the most batches that are sent and not answered yet
 * @throws DevstateError CONNECTION: no batch was answered. If any of them may have been done, the outcome is `unknown`
 */
export function sendBatches<Item extends Identified, Result>(
  batches: Iterable<readonly Item[]>,
  send: Send<Item, Result>,
  atOnce: number,
): Promise<ItemResult<Result>[]> {
  return sendAll(batches, send, atOnce, idOf);
}

/** Does as `sendBatches`. `toId` returns the id of an item; if it throws a DevstateError, that is the item's result. */
async function sendAll<Item, Result>(
  batches: Iterable<readonly Item[]>,
  send: Send<Item, Result>,
  atOnce: number,
  toId: (item: Item) => string,
): Promise<ItemResult<Result>[]> {
  const losses: DevstateError[] = [];
  let isAnswered = false;
  const failAll = (batch: readonly Item[], error: DevstateError) =>
    batch.map((item) => itemResultOf(() => deviceError(toId(item), error)));
  const sendBatch = async (batch: readonly Item[]): Promise<readonly ItemResult<Result>[]> => {
    const [loss] = losses;
    if (loss) return failAll(batch, notSentError(loss));
    try {
      const results = await send(batch);
      isAnswered = true;
      return results;
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      losses.push(error);
      return failAll(batch, error);
    }
  };
  const results = await mapConcurrently([...batches], sendBatch, atOnce);
  const loss = losses.find(({ outcome }) => outcome === 'unknown') ?? losses[0];
  if (loss && !isAnswered) throw loss;
  return results.flat();
}

/**
 * Calls `work` for each item, and returns the result or the DevstateError of each, in order.
 * @param atOnce the most calls of `work` at the same time; default: all
 * @throws DevstateError CONNECTION: no item was answered
 */
export function sendEach<Item extends Identified, Result>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
  atOnce: number = items.length,
): Promise<ItemResult<Result>[]> {
  const sendOne = async (single: readonly [index: number, item: Item][]) =>
    settleAll(single.map(([index, item]) => awaitItemResult(work(item, index))));
  const singles = slices([...items.entries()], 1);
  return sendAll(singles, sendOne, atOnce, ([, item]) => idOf(item));
}

/**
 * Sends those items again whose results are not final, and returns all results with the new ones in their places. If the
 * connection is lost meanwhile, only these items fail.
 * @param isUnfinished whether a result is not final
 * @param send gets the items whose results are not final, and these results
 * @throws DevstateError CONNECTION: no result was final, and no item was answered
 */
export async function sendUnfinished<Item extends Identified, Unfinished, Result>(
  items: readonly Item[],
  results: readonly (ItemResult<Result> | Unfinished)[],
  isUnfinished: (result: ItemResult<Result> | Unfinished, item: Item) => result is Unfinished,
  send: (items: readonly Item[], unfinished: readonly Unfinished[]) => Promise<readonly ItemResult<Result>[]>,
): Promise<ItemResult<Result>[]> {
  const final: ItemResult<Result>[] = [];
  const resent: Item[] = [];
  const unfinished: Unfinished[] = [];
  const wasUnfinished = results.map((result, i) => {
    const item = items[i] as Item;
    if (isUnfinished(result, item)) {
      resent.push(item);
      unfinished.push(result);
      return true;
    }
    final.push(result);
    return false;
  });
  if (resent.length === 0) return final;
  const answers = (
    await send(resent, unfinished).catch((error: unknown) => {
      if (final.length === 0 || !isConnectionError(error)) throw error;
      return resent.map((item) => deviceError(idOf(item), error));
    })
  ).values();
  const finals = final.values();
  return wasUnfinished.map((isResent) => (isResent ? answers : finals).next().value as ItemResult<Result>);
}

function notSentError(loss: DevstateError): DevstateError {
  const reason = loss.outcome === undefined ? loss.reason : undefined;
  return new DevstateError('CONNECTION', 'not sent, because an earlier request failed', {
    reason,
    cause: loss,
  });
}
