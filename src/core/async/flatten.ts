/** Yields the items of all chunks, one by one. */
export async function* flatten<Item>(chunks: AsyncIterable<readonly Item[]>): AsyncGenerator<Item> {
  for await (const chunk of chunks) yield* chunk;
}
