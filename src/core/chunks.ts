/**
 * Many items in scripts of a bounded size, by count and by bytes, several on their way at
 * once, so that Redis works while we prepare and read. One connection keeps them in order.
 */
import { allDone } from './each-alone.js';
import { MAX_DEVICES_PER_SCRIPT } from './scripts.js';

const IN_FLIGHT = 8;
/** Of what one script is sent; a single item may be more. */
const MAX_BYTES = 256 * 1024;

/**
 * What `work` gives for each item, in order. Rejects with the first chunk that fails.
 * @param weigh about how many bytes an item sends
 */
export async function inChunks<Item, Result>(
  items: readonly Item[],
  work: (chunk: readonly Item[]) => Promise<readonly Result[]>,
  weigh: (item: Item) => number = () => 0,
): Promise<Result[]> {
  const results: Result[] = [];
  let flight: Promise<readonly Result[]>[] = [];
  const land = async () => {
    for (const chunk of await allDone(flight)) results.push(...chunk);
    flight = [];
  };
  for (const chunk of chunksOf(items, weigh)) {
    flight.push(work(chunk));
    if (flight.length === IN_FLIGHT) await land();
  }
  await land();
  return results;
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
