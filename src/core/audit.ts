/**
 * Holds the index against the truth, a slice at a time: what programs did that bypass it
 * is found within one round over the registered devices, without a scan that grows with
 * the fleet. Small fleets are gone through faster than they need.
 */
import type { Fleet } from './fleet.js';
import { MAX_DEVICES_PER_SCRIPT } from './scripts.js';

const SLICE_EVERY_MS = 1000;

export class Audit {
  readonly #fleet: Fleet;
  readonly #round: number;
  #cursor = '0';
  #slice = MAX_DEVICES_PER_SCRIPT;
  #every = SLICE_EVERY_MS;
  #due = 0;

  /** @param round how long one round over the fleet may take, ms */
  constructor(fleet: Fleet, round: number) {
    this.#fleet = fleet;
    this.#round = round;
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

  /** So many slices that a round fits: of one script's size, but one a second at least. */
  async #plan(): Promise<void> {
    const registered = await this.#fleet.send(() => this.#fleet.redis.scard(this.#fleet.keys.registered));
    const slices = Math.max(1, Math.ceil(registered / this.#slice));
    this.#every = Math.min(SLICE_EVERY_MS, this.#round / slices);
    this.#due = Math.max(this.#due, performance.now());
  }
}
