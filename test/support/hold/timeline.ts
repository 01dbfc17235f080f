/** Virtual time in whole ms: actions are run in the order of their times, as fast as the machine can. */

interface Planned {
  readonly place: number;
  readonly action: () => void;
}

export class Timeline {
  readonly #planned = new Map<number, Planned[]>();
  now = 0;

  /**
   * Plans an action, for the next ms at the earliest.
   * @param place its place among the actions of the same ms: smaller ones are first
   */
  at(time: number, action: () => void, place = 0.5): void {
    const ms = Math.max(Math.ceil(time), this.now + 1);
    const planned = this.#planned.get(ms);
    if (planned) planned.push({ place, action });
    else this.#planned.set(ms, [{ place, action }]);
  }

  runUntil(end: number): void {
    for (this.now++; this.now <= end; this.now++) {
      const planned = this.#planned.get(this.now);
      if (!planned) continue;
      this.#planned.delete(this.now);
      planned.sort((a, b) => a.place - b.place);
      for (const { action } of planned) action();
    }
  }
}
