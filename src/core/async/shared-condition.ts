/**
 * A condition that several parts can have at the same time, such as partitions that are unreachable.
 * It starts with the first part that has it and ends with the last, so a caller that acts only when
 * `begin` or `end` returns true reports each start and each end once.
 */
export class SharedCondition<Part> {
  readonly #parts = new Set<Part>();

  /** Whether at least one part has the condition. */
  get isActive(): boolean {
    return this.#parts.size > 0;
  }

  /** Adds a part. Returns whether the condition started with it: no part had it before. */
  begin(part: Part): boolean {
    const starts = !this.isActive;
    this.#parts.add(part);
    return starts;
  }

  /** Removes a part. Returns whether the condition ended with it: it was the last part that had it. */
  end(part: Part): boolean {
    return this.#parts.delete(part) && !this.isActive;
  }
}
