/**
 * Decides when a detector has started: when it has tried to read the index of each partition, and at least
 * one index was read. Partitions whose index could not be read are reported as an outage. If no index can
 * be read, nothing is reported, because the detector fails instead.
 */
import type { DevstateError } from '../model/errors.js';
import type { OutageNotice } from '../pubsub/outage-notice.js';
import type { Partition } from '../store/partition.js';

export class StartReport {
  readonly #reached = new Set<Partition>();
  readonly #unreached = new Map<Partition, DevstateError>();
  readonly #partitionCount: number;
  readonly #outage: OutageNotice;
  readonly #onStarted: () => void;

  /** @param onStarted called when the detector has started; it may be called again later and must ignore that */
  constructor(partitionCount: number, outage: OutageNotice, onStarted: () => void) {
    this.#partitionCount = partitionCount;
    this.#outage = outage;
    this.#onStarted = onStarted;
  }

  /** Notes that the index of a partition was read for the first time. */
  addReached(partition: Partition): void {
    this.#unreached.delete(partition);
    this.#reached.add(partition);
    this.#report();
  }

  /**
   * Notes that the index of a partition could not be read, and has never been read before. Returns true if the
   * partition is to be tried again; false if no index of the fleet can be read, so that the detector must fail.
   */
  addUnreached(partition: Partition, error: DevstateError): boolean {
    this.#unreached.set(partition, error);
    if (this.#unreached.size === this.#partitionCount) return false;
    this.#report();
    return true;
  }

  #report(): void {
    // No index has been read yet. Nothing is reported before one is: if none can be read, the detector fails instead.
    if (this.#reached.size === 0) return;
    for (const [partition, error] of this.#unreached) this.#outage.begin(error, partition);
    if (this.#reached.size + this.#unreached.size === this.#partitionCount) this.#onStarted();
  }
}
