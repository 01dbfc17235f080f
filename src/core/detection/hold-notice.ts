/**
 * Reports a hold of a fleet: its start, also when it becomes longer, and its end. A hold lasts while devices that timed
 * out are not marked offline yet, because their heartbeats could not arrive. Each device has a hold of its own, and
 * these holds begin and end at different times. So the start is reported when every partition has been asked, with the
 * latest end of all holds.
 */
import { SharedCondition } from '../async/shared-condition.js';

export interface HoldListener {
  /**
   * Called when a hold begins or becomes longer. At `until` (epoch ms) the hold of the last device ends: it is then marked
   * offline if it has sent no heartbeat.
   */
  onHold?: (until: number) => void;
  /** Called when the holds of all partitions have ended. */
  onHoldEnd?: () => void;
}

export class HoldNotice {
  readonly #held = new SharedCondition<unknown>();
  /**
   * The partitions whose index was read, or could not be read, since a new or longer hold was found. The hold is
   * reported when the set has all partitions, because only then the latest end of their holds is known.
   */
  readonly #asked = new Set<unknown>();
  /** The latest end of the partitions' holds, epoch ms; 0: there is no hold. */
  #until = 0;
  /** The end of the hold that was reported last, epoch ms; 0: no hold is reported at present. */
  #reportedUntil = 0;
  readonly #listener: HoldListener;
  readonly #partitionCount: number;

  constructor(listener: HoldListener, partitionCount: number) {
    this.#listener = listener;
    this.#partitionCount = partitionCount;
  }

  /**
   * Notes when the last hold of a partition's devices ends, and reports a start or an end if there is one.
   * @param holdUntil epoch ms; 0: no device is held
   */
  update(partition: unknown, { now, holdUntil }: { now: number; holdUntil: number }): void {
    if (holdUntil < now) {
      if (this.#held.end(partition)) this.#end();
    } else {
      this.#held.begin(partition);
      if (this.#until === this.#reportedUntil && holdUntil > this.#reportedUntil) this.#asked.clear();
      this.#until = Math.max(this.#until, holdUntil);
    }
    this.skip(partition);
  }

  /** Counts a partition as asked, although it may not have answered, so that it does not delay the report of a hold. */
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
