/**
 * Splits many items into calls of a script that are limited in devices and bytes. Several calls are sent before the
 * first is answered, so that Redis works while this program prepares the next. A connection keeps their order.
 */
import { MAX_DEVICES_PER_SCRIPT } from './scripts.js';

const MAX_CALLS_IN_FLIGHT = 8;
/** The most bytes of one call; a call with a single item may have more. */
const MAX_BYTES = 256 * 1024;

/**
 * Calls `work` for each chunk and returns all results in the order of the items. After a chunk fails, no further
 * chunk is sent, and the promise is rejected with its error when all calls in flight have ended.
 * @param weigh returns about how many bytes an item adds to its call
 */
export async function runInChunks<Item, Result>(
  items: readonly Item[],
  work: (chunk: readonly Item[]) => Promise<readonly Result[]>,
  weigh: (item: Item) => number = () => 0,
): Promise<Result[]> {
  const results: Result[] = [];
  const flight: Promise<readonly Result[]>[] = [];
  try {
    for (const chunk of chunksOf(items, weigh)) {
      if (flight.length === MAX_CALLS_IN_FLIGHT) results.push(...((await flight.shift()) ?? []));
      const sent = work(chunk);
      sent.catch(() => {}); // not unhandled: the error is thrown where the promise is awaited below
      flight.push(sent);
    }
    while (flight.length > 0) results.push(...((await flight.shift()) ?? []));
    return results;
  } finally {
    await Promise.allSettled(flight); // after a failure, no call may still change data when the caller continues
  }
}

function* chunksOf<Item>(items: readonly Item[], weigh: (item: Item) => number): Generator<readonly Item[]> {
  let from = 0;
  let bytes = 0;
  for (const [i, item] of items.entries()) {
    const weight = weigh(item);
    if (i - from === MAX_DEVICES_PER_SCRIPT || (i > from && bytes + weight > MAX_BYTES)) {
      yield items.slice(from, i);
      from = i;
      bytes = 0;
    }
    bytes += weight;
  }
  if (from < items.length) yield items.slice(from);
}
