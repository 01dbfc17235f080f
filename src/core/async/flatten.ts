/** Yields the items of all chunks one by one, in the order of the chunks. */
export async function* flatten<Item>(chunks: AsyncIterable<readonly Item[]>): AsyncGenerator<Item> {
  for await (const chunk of chunks) yield* chunk;
}
