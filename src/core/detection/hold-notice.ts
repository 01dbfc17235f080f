/**
 * A hold is told once, and its end once. Each partition feels its own pulse, so their holds
 * begin and end moments apart: the latest end is told, once each of them has been asked.
 */
export interface HoldListener {
  /** After an outage no verdict is passed until then, ms. */
  onHold?: (until: number) => void;
  onHoldEnd?: () => void;
}

export class HoldNotice {
  readonly #held = new Set<unknown>();
  /** Asked since there is something to tell. */
  readonly #asked = new Set<unknown>();
  #until = 0;
  #told = 0;
  readonly #listener: HoldListener;
  readonly #partitions: number;

  constructor(listener: HoldListener, partitions: number) {
    this.#listener = listener;
    this.#partitions = partitions;
  }

  /** What a partition says. */
  update(partition: unknown, { now, holdUntil }: { now: number; holdUntil: number }): void {
    if (holdUntil < now) this.#held.delete(partition);
    else {
      this.#held.add(partition);
      if (this.#until === this.#told && holdUntil > this.#told) this.#asked.clear();
      this.#until = Math.max(this.#until, holdUntil);
    }
    this.miss(partition);
  }

  /** It was asked, and did not answer. */
  miss(partition: unknown): void {
    this.#asked.add(partition);
    if (this.#held.size === 0) this.#end();
    else if (this.#until > this.#told && this.#asked.size === this.#partitions) {
      this.#told = this.#until;
      this.#listener.onHold?.(this.#until);
    }
  }

  #end(): void {
    const wasTold = this.#told > 0;
    this.#until = 0;
    this.#told = 0;
    if (wasTold) this.#listener.onHoldEnd?.();
  }
}
