/**
 * Holds a partition's index against the truth, a slice at a time: what programs did that
 * bypass it is found within one round over the registered devices, without a scan that
 * grows with the fleet. Small fleets are gone through faster than they need.
 */
import type { Partition } from '../store/partition.js';
import { MAX_DEVICES_PER_SCRIPT } from '../store/scripts.js';
import { ScanCursor } from '../store/set-scan.js';
import type { Poller } from './strategies.js';

/** Of the whole fleet. */
const SLICE_EVERY_MS = 1000;

export class Audit implements Poller {
  readonly #partition: Partition;
  readonly #round: number;
  readonly #cursor: ScanCursor;
  readonly #slice = MAX_DEVICES_PER_SCRIPT;
  readonly #longest: number;
  #every: number;
  #due = 0;

  /**
   * @param partition one of `partitions` partitions
   * @param round how long one round over it may take, ms
   */
  constructor(partition: Partition, round: number, partitions: number) {
    this.#partition = partition;
    this.#round = round;
    this.#cursor = new ScanCursor(partition, 'sscan', partition.keys.registered);
    this.#longest = SLICE_EVERY_MS * partitions;
    this.#every = this.#longest;
  }

  /** The next slice of ids, if its time has come. */
  async next(): Promise<string[]> {
    if (performance.now() < this.#due) return [];
    if (this.#cursor.begins) await this.#plan();
    const { found } = await this.#cursor.next(this.#slice);
    this.#due = Math.max(this.#due + this.#every, performance.now() - SLICE_EVERY_MS);
    return found;
  }

  /** Until the next slice, ms. */
  pause(): number {
    return Math.max(0, this.#due - performance.now());
  }

  /** So many slices that a round fits: of one script's size, but one a second in the fleet at least. */
  async #plan(): Promise<void> {
    const registered = await this.#partition.send(() =>
      this.#partition.redis.scard(this.#partition.keys.registered),
    );
    const slices = Math.max(1, Math.ceil(registered / this.#slice));
    this.#every = Math.min(this.#longest, this.#round / slices);
    this.#due = Math.max(this.#due, performance.now());
  }
}
