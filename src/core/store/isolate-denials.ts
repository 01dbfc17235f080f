/**
 * Redis checks the user's permissions for all keys of a script call before it begins the script. So a device whose keys
 * are denied makes the call fail for all its devices, and nothing was done for any of them. Each is then sent alone.
 */
import { type ItemResult, unwrapOne } from '../async/item-results.js';
import { type Identified, sendEach } from '../async/send-batches.js';
import { DevstateError } from '../model/errors.js';

/**
 * Calls `work` for all items together. If it is refused because keys of one of them are denied, calls it for each item
 * alone, in order.
 * @param work returns a result for each item, in order; if it rejects with the reason DEVICE_DENIED, it has done
 *   nothing, or only reads
 * @returns the result of each item, in order, or its error: with the reason DEVICE_DENIED, or because the connection
 *   was lost before its turn
 */
export async function isolateDenials<Item extends Identified, Result>(
  items: readonly Item[],
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
): Promise<ItemResult<Result>[]> {
  try {
    return [...(await work(items))];
  } catch (error) {
    if (!(error instanceof DevstateError && error.reason === 'DEVICE_DENIED')) throw error;
    if (items.length === 1) return [error];
    return sendEach(items, async (item) => unwrapOne(await isolateDenials([item], work)));
  }
}
