/**
 * Collects the items of all `add` calls made before the next microtask runs and sends them in one round trip. Callers
 * that work in parallel go on sharing round trips: all of them get their results together, so their next calls of
 * `add` are made together too.
 */
export class TickBatcher<Item, Result> {
  readonly #send: (items: Item[]) => Promise<(Result | Error)[]>;
  #waiting: { item: Item; resolve(result: Result): void; reject(error: unknown): void }[] = [];

  /**
   * @param send sends a batch, and resolves with the result or the error of each item, in order; if it rejects, all
   *   items of the batch fail
   */
  constructor(send: (items: Item[]) => Promise<(Result | Error)[]>) {
    this.#send = send;
  }

  /** Resolves with the result of this item; rejects with the error of this item or of the whole batch. */
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
