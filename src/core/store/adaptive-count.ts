/**
 * Decides how many items a request asks for, such that the reply has a bounded size. Items that other programs write
 * may have any size, which Redis does not tell before they are read. So their size is estimated from the items in the
 * last reply.
 */

const REPLY_BYTES = 1024 * 1024;
/** How many items the first request asks for, when nothing is known of their sizes. */
const FIRST_COUNT = 20;

export class AdaptiveCount {
  readonly #most: number;
  #value: number;

  /** @param most the most items that a request may ask for */
  constructor(most: number) {
    this.#most = most;
    this.#value = Math.min(FIRST_COUNT, most);
  }

  /** How many items the next request should ask for, so that its reply has about 1 MiB; at least 1. */
  get value(): number {
    return this.#value;
  }

  /** Adapts `value` to the number and the size of the items that the last reply had. */
  observe(items: number, bytes: number): void {
    if (items > 0)
      this.#value = Math.max(1, Math.min(this.#most, Math.floor((REPLY_BYTES * items) / (bytes + 1))));
  }

  /** Forgets the sizes, after a request that failed: its reply may have been too large. */
  reset(): void {
    this.#value = Math.min(FIRST_COUNT, this.#most);
  }
}

/** Returns the length of texts together, which is about their size in a reply. */
export function totalLength(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}
