/**
 * Runs a script for many items in chunks: the number of items and of bytes of a chunk is limited, so that each run of
 * the script blocks the server only for a short time. Several chunks are sent before the first has a reply; they run in
 * order, because they go over one connection.
 */
import type { ItemResult } from '../async/item-results.js';
import { type Identified, type Send, sendBatches } from '../async/send-batches.js';
import { MAX_DEVICES_PER_SCRIPT } from './scripts.js';

const CHUNKS_AT_ONCE = 8;
/**
 * The most bytes of items that one run of a script gets, so that it blocks the server only for a short time. An item
 * that is larger gets a run of its own.
 */
const MAX_CHUNK_BYTES = 256 * 1024;

/**
 * Calls `work` for chunks of the items, and returns a result for each item, in order. If the connection is lost, the
 * items without a reply fail; the others keep their results.
 * @param weigh returns about how many bytes are sent for an item
 * @throws DevstateError CONNECTION: no chunk was answered
 */
export function runInChunks<Item extends Identified, Result>(
  items: readonly Item[],
  work: Send<Item, Result>,
  weigh: (item: Item) => number = () => 0,
): Promise<ItemResult<Result>[]> {
  return sendBatches(chunksOf(items, weigh), work, CHUNKS_AT_ONCE);
}

function* chunksOf<Item>(items: readonly Item[], weigh: (item: Item) => number): Generator<readonly Item[]> {
  let from = 0;
  let bytes = 0;
  for (const [i, item] of items.entries()) {
    const weight = weigh(item);
    if (i - from === MAX_DEVICES_PER_SCRIPT || (i > from && bytes + weight > MAX_CHUNK_BYTES)) {
      yield items.slice(from, i);
      from = i;
      bytes = 0;
    }
    bytes += weight;
  }
  if (from < items.length) yield items.slice(from);
}
