/** A hold is told once, and its end once. */
export interface HoldListener {
  /** After an outage no verdict is passed until then, ms. */
  onHold?: (until: number) => void;
  onHoldEnd?: () => void;
}

export class HoldWatch {
  /** Nothing was seen yet. */
  first = true;
  /** Lapsed devices wait for its end. */
  lasts = false;
  #until = 0;
  readonly #listener: HoldListener;

  constructor(listener: HoldListener) {
    this.#listener = listener;
  }

  see({ now, holdUntil }: { now: number; holdUntil: number }): void {
    this.first = false;
    if (holdUntil >= now && holdUntil !== this.#until) this.#listener.onHold?.(holdUntil);
    else if (this.#until > 0 && holdUntil < now) this.#listener.onHoldEnd?.();
    this.lasts = holdUntil >= now;
    this.#until = this.lasts ? holdUntil : 0;
  }
}
