/**
 * A condition that several parts can have at the same time, such as that a partition is unreachable. The condition
 * starts when the first part has it and ends when no part has it. To report each start and each
 * end of the condition once, the caller reports only when `begin` or `end` returns true.
 */
export class SharedCondition<Part> {
  readonly #parts = new Set<Part>();

  /** Whether at least one part has the condition. */
  get isActive(): boolean {
    return this.#parts.size > 0;
  }

  /** Notes that a part has the condition. Returns whether the condition starts: no part had it before. */
  begin(part: Part): boolean {
    const starts = !this.isActive;
    this.#parts.add(part);
    return starts;
  }

  /**
   * Notes that a part no longer has the condition. Returns whether the condition ends: this was the last part that had
   * it.
   */
  end(part: Part): boolean {
    return this.#parts.delete(part) && !this.isActive;
  }
}
