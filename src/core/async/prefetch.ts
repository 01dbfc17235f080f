/**
 * Takes the next item while the last one is worked at: Redis reads while we print. Who ends
 * early does not wait for what was taken ahead: of what is typed it may never come.
 */
export async function* prefetch<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
  const iterator = items[Symbol.asyncIterator]();
  const take = () => {
    const taken = iterator.next();
    taken.catch(() => {}); // told to who asks for it, and that is later
    return taken;
  };
  try {
    for (let next = take(); ; ) {
      const { value, done } = await next;
      if (done) return;
      next = take();
      yield value;
    }
  } finally {
    void iterator.return?.();
  }
}
