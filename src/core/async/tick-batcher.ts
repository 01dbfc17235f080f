/**
 * Calls made in the same tick share one round trip: with many in flight they arrive
 * together anyway, because one reply wakes all who waited for it.
 */
export class TickBatcher<Item, Result> {
  readonly #send: (items: Item[]) => Promise<(Result | Error)[]>;
  #waiting: { item: Item; resolve(result: Result): void; reject(error: unknown): void }[] = [];

  /** @param send gives for each item, in order, its result or why it failed */
  constructor(send: (items: Item[]) => Promise<(Result | Error)[]>) {
    this.#send = send;
  }

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
