/**
 * Many items in scripts of a bounded size, by count and by bytes, several on their way at
 * once, so that Redis works while we prepare and read. One connection keeps them in order.
 */
import { MAX_DEVICES_PER_SCRIPT } from './scripts.js';

const IN_FLIGHT = 8;
/** Of what one script is sent; a single item may be more. */
const MAX_BYTES = 256 * 1024;

/**
 * What `work` gives for each item, in order. Rejects with the first chunk that fails.
 * @param weigh about how many bytes an item sends
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
      if (flight.length === IN_FLIGHT) results.push(...((await flight.shift()) ?? []));
      const sent = work(chunk);
      sent.catch(() => {}); // told when its turn has come
      flight.push(sent);
    }
    while (flight.length > 0) results.push(...((await flight.shift()) ?? []));
    return results;
  } finally {
    await Promise.allSettled(flight); // who is told of a failure must not be overtaken by the rest
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
