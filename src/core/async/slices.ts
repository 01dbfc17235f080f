/**
 * Yields the items in consecutive arrays of `size`, in order; the last array may be shorter.
 * Without items it yields nothing.
 */
export function* slices<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
