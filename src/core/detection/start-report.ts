/**
 * Decides when a detector has started: when the index of each partition was read or could not be
 * read, and at least one was read. Partitions that could not be read are reported as an outage. If
 * none can be read, nothing is reported, because the detector fails instead.
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

  /** @param onStarted called when the detector has started, and perhaps again later */
  constructor(partitionCount: number, outage: OutageNotice, onStarted: () => void) {
    this.#partitionCount = partitionCount;
    this.#outage = outage;
    this.#onStarted = onStarted;
  }

  /** Counts a partition whose index was read for the first time. */
  addReached(partition: Partition): void {
    this.#unreached.delete(partition);
    this.#reached.add(partition);
    this.#report();
  }

  /** Counts a partition whose index could never be read so far. Returns false if that is so in all partitions. */
  addUnreached(partition: Partition, error: DevstateError): boolean {
    this.#unreached.set(partition, error);
    if (this.#unreached.size === this.#partitionCount) return false;
    this.#report();
    return true;
  }

  #report(): void {
    if (this.#reached.size === 0) return; // Maybe none can be reached.
    for (const [partition, error] of this.#unreached) this.#outage.begin(error, partition);
    if (this.#reached.size + this.#unreached.size === this.#partitionCount) this.#onStarted();
  }
}
