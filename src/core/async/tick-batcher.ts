/**
 * Collects the calls of one tick of the event loop and sends them in one round trip. Concurrent callers stay
 * together: one reply resolves all of them in the same tick, and so they make their next calls in the same tick.
 */
export class TickBatcher<Item, Result> {
  readonly #send: (items: Item[]) => Promise<(Result | Error)[]>;
  #waiting: { item: Item; resolve(result: Result): void; reject(error: unknown): void }[] = [];

  /** @param send resolves with the result or the error of each item, in order; if it rejects, all items fail */
  constructor(send: (items: Item[]) => Promise<(Result | Error)[]>) {
    this.#send = send;
  }

  /** Resolves with the result of this item; rejects with its error, or with that of the whole batch. */
  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) queueMicrotask(() => void this.#flush());
      this.#waiting.push({ item, resolve, reject });
    });
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      const results = await this.#send(batch.map(({ item }) => item));
      for (const [i, { resolve, reject }] of batch.entries()) {
        const result = results[i];
        if (result instanceof Error) reject(result);
        else resolve(result as Result);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
