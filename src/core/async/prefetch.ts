/**
 * Yields the items, and requests the next item while the consumer works on the current one, so that reading from Redis
 * and printing overlap. At most one item is requested ahead. If the consumer ends early, the iterable is closed, but
 * the item already requested is not waited for: standard input, for example, may never give it.
 */
export async function* prefetch<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
  const iterator = items[Symbol.asyncIterator]();
  const request = () => {
    const requested = iterator.next();
    // If the request fails, the consumer gets the error when it asks for the item. Without this `catch`, Node would
    // report an unhandled rejection before that.
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
