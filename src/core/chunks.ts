/**
 * Many items in scripts of a bounded size, several on their way at once, so that Redis
 * works while we prepare and read. One connection keeps them in order.
 */
import { MAX_DEVICES_PER_SCRIPT } from './scripts.js';

const IN_FLIGHT = 8;

/** What `work` gives for each item, in order. Rejects with the first chunk that fails. */
export async function inChunks<Item, Result>(
  items: readonly Item[],
  work: (chunk: readonly Item[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const results: Result[] = [];
  const span = MAX_DEVICES_PER_SCRIPT * IN_FLIGHT;
  for (let from = 0; from < items.length; from += span) {
    const chunks: Promise<readonly Result[]>[] = [];
    for (let at = from; at < Math.min(from + span, items.length); at += MAX_DEVICES_PER_SCRIPT) {
      chunks.push(work(items.slice(at, at + MAX_DEVICES_PER_SCRIPT)));
    }
    for (const chunk of await Promise.all(chunks)) results.push(...chunk);
  }
  return results;
}
