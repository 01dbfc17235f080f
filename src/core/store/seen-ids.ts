/**
 * Remembers which ids a scan has returned, because SSCAN may return an id twice. To save memory it keeps a hash of 64
 * bits of each id, not the id. If two ids have the same hash, the second is taken for the first and left out; among a
 * million ids the probability of that is 1 in 40 million. The seed is random, so nobody can choose ids with equal
 * hashes.
 */
import { mixBits } from './mix-bits.js';

const MIN_EXPECTED = 1000;
const MAX_EXPECTED = 4_000_000;
/** The hash table grows when more than this part of its slots is in use, because a fuller table makes searches slow. */
const MAX_LOAD = 0.75;
const GROWTH_FACTOR = 1.5;

/** A set of ids, as a hash table with open addressing. A slot is two numbers side by side: the two halves of a hash. */
export class SeenIds {
  #slots: Uint32Array;
  #size = 0;
  readonly #seeds = crypto.getRandomValues(new Uint32Array(2));

  /**
   * @param expected about how many ids will be added. The table is made large enough for that many ids, at most for
   *   4,000,000; for more ids it grows
   */
  constructor(expected = 0) {
    const count = Math.min(Math.max(MIN_EXPECTED, expected), MAX_EXPECTED) / MAX_LOAD;
    this.#slots = new Uint32Array(2 * Math.ceil(count));
  }

  /** Adds an id, and returns whether it was not added before. */
  add(id: string): boolean {
    let [high = 0, low = 0] = this.#seeds;
    for (let i = 0; i < id.length; i++) {
      const code = id.charCodeAt(i);
      high = Math.imul(high ^ code, 2654435761);
      high ^= high >>> 15;
      low = Math.imul(low ^ code, 1597334677);
      low ^= low >>> 13;
    }
    const mixed = mixBits(high ^ Math.imul(low, 3266489909));
    // A slot is empty if its second number is 0, so a hash whose second half is 0 is stored with 1 instead.
    const isNew = this.#insert(mixed, mixBits(low ^ Math.imul(mixed, 2246822507)) || 1);
    if (isNew && ++this.#size > (this.#slots.length / 2) * MAX_LOAD) this.#grow();
    return isNew;
  }

  #insert(high: number, low: number): boolean {
    const slots = this.#slots;
    let index = 2 * Math.floor((high / 2 ** 32) * (slots.length / 2));
    while (slots[index + 1] !== 0) {
      if (slots[index] === high && slots[index + 1] === low) return false;
      index = index + 2 === slots.length ? 0 : index + 2;
    }
    slots[index] = high;
    slots[index + 1] = low;
    return true;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(2 * Math.ceil((old.length / 2) * GROWTH_FACTOR));
    for (let index = 0; index < old.length; index += 2) {
      const low = old[index + 1] as number;
      if (low !== 0) this.#insert(old[index] as number, low);
    }
  }
}
