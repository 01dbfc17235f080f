/**
 * Yields the items, and requests the next item while the consumer works on the last one, so that reading from Redis
 * and printing overlap. At most one item is requested ahead. If the consumer ends early, the iterable is closed, but
 * the requested item is not waited for: standard input, for example, may never give it.
 */
export async function* prefetch<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
  const iterator = items[Symbol.asyncIterator]();
  const request = () => {
    const requested = iterator.next();
    // The consumer gets the error when it asks for this item. Until then it is not an unhandled rejection.
    requested.catch(() => {});
    return requested;
  };
  try {
    for (let next = request(); ; ) {
      const { value, done } = await next;
      if (done) return;
      next = request();
      yield value;
    }
  } finally {
    void iterator.return?.();
  }
}
