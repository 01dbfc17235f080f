/**
 * Reports a hold of a fleet: its start once, and its end once. A hold is the time after an outage
 * during which no device is marked offline. Each partition has a hold of its own, and they begin and
 * end at slightly different times, so the start is reported after each partition has been asked,
 * with the latest end of all.
 */
import { SharedCondition } from '../async/shared-condition.js';
import type { DueDevices } from './due-devices.js';

export interface HoldListener {
  /** Called after an outage. No device is marked offline before this time, epoch ms. */
  onHold?: (until: number) => void;
  /** Called when the hold of every partition has ended. */
  onHoldEnd?: () => void;
}

export class HoldNotice {
  readonly #held = new SharedCondition<unknown>();
  /** The partitions that were asked since there is a start to report. */
  readonly #asked = new Set<unknown>();
  /** The latest end of the partitions' holds, epoch ms; 0: there is no hold. */
  #until = 0;
  /** The end that was reported last, epoch ms; 0: no start was reported. */
  #reportedUntil = 0;
  readonly #listener: HoldListener;
  readonly #partitionCount: number;

  constructor(listener: HoldListener, partitionCount: number) {
    this.#listener = listener;
    this.#partitionCount = partitionCount;
  }

  /** Takes over what a read of the index of a partition found. */
  update(partition: unknown, { now, holdUntil }: Pick<DueDevices, 'now' | 'holdUntil'>): void {
    if (holdUntil < now) {
      if (this.#held.end(partition)) this.#end();
    } else {
      this.#held.begin(partition);
      if (this.#until === this.#reportedUntil && holdUntil > this.#reportedUntil) this.#asked.clear();
      this.#until = Math.max(this.#until, holdUntil);
    }
    this.skip(partition);
  }

  /** Counts a partition that did not answer as asked, so that it does not delay the report. */
  skip(partition: unknown): void {
    this.#asked.add(partition);
    const isReported = this.#until === this.#reportedUntil;
    if (isReported || this.#asked.size < this.#partitionCount) return;
    this.#reportedUntil = this.#until;
    this.#listener.onHold?.(this.#until);
  }

  #end(): void {
    const wasReported = this.#reportedUntil > 0;
    this.#until = 0;
    this.#reportedUntil = 0;
    if (wasReported) this.#listener.onHoldEnd?.();
  }
}
