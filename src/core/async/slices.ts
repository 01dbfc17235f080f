/**
 * Yields the items in order, in arrays of `size` items; the last array may be shorter. If there are no items, it yields
 * no array.
 */
export function* slices<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
