/**
 * Holds a partition's index against the truth, a slice at a time: what programs did that
 * bypass it is found within one round over the registered devices, without a scan that
 * grows with the fleet. Small fleets are gone through faster than they need.
 */
import type { Fleet } from './fleet.js';
import { MAX_DEVICES_PER_SCRIPT } from './scripts.js';
import type { Rounds } from './sources.js';

/** Of the whole fleet. */
const SLICE_EVERY_MS = 1000;

export class Audit implements Rounds {
  readonly #fleet: Fleet;
  readonly #round: number;
  #cursor = '0';
  #slice = MAX_DEVICES_PER_SCRIPT;
  readonly #longest: number;
  #every: number;
  #due = 0;

  /**
   * @param fleet one of `partitions` partitions
   * @param round how long one round over it may take, ms
   */
  constructor(fleet: Fleet, round: number, partitions: number) {
    this.#fleet = fleet;
    this.#round = round;
    this.#longest = SLICE_EVERY_MS * partitions;
    this.#every = this.#longest;
  }

  /** The next slice of ids, if its time has come. */
  async next(): Promise<string[]> {
    if (performance.now() < this.#due) return [];
    const { redis, keys } = this.#fleet;
    if (this.#cursor === '0') await this.#plan();
    const [cursor, ids] = await this.#fleet.send(() =>
      redis.sscan(keys.registered, this.#cursor, 'COUNT', this.#slice),
    );
    this.#cursor = cursor;
    this.#due = Math.max(this.#due + this.#every, performance.now() - SLICE_EVERY_MS);
    return ids;
  }

  /** Until the next slice, ms. */
  pause(): number {
    return Math.max(0, this.#due - performance.now());
  }

  /** So many slices that a round fits: of one script's size, but one a second in the fleet at least. */
  async #plan(): Promise<void> {
    const registered = await this.#fleet.send(() => this.#fleet.redis.scard(this.#fleet.keys.registered));
    const slices = Math.max(1, Math.ceil(registered / this.#slice));
    this.#every = Math.min(this.#longest, this.#round / slices);
    this.#due = Math.max(this.#due, performance.now());
  }
}
