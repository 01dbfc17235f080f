/**
 * Beats at fixed moments: the n-th is due n intervals after the first, however long each
 * took, so they do not drift; what was missed is not made up for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isTransient } from '../../core/store/redis-errors.js';
import type { Context } from './context.js';
import { LONGEST_TIMER_MS } from './timer.js';

/** Says once that beats do not get through, and once that they do again. */
export class Outage {
  readonly #notice: Context['notice'];
  #lasts = false;

  constructor({ notice }: Context) {
    this.#notice = notice;
  }

  begin(reason: string): void {
    if (!this.#lasts) this.#notice(`${reason}; trying on`);
    this.#lasts = true;
  }

  end(): void {
    if (this.#lasts) this.#notice('connected again');
    this.#lasts = false;
  }
}

export interface Rhythm {
  /** ms */
  every: number;
  /** Ends after so many rounds. */
  count: number | undefined;
  /** Asked after each round. */
  goesOn(): boolean;
}

export async function* everyBeat<T>(
  { signal }: Context,
  { every, count, goesOn }: Rhythm,
  beat: () => AsyncIterable<T>,
  outage: Outage,
): AsyncGenerator<T> {
  const start = performance.now();
  const elapsed = () => performance.now() - start;
  let due = 0;
  for (let round = 1; !signal.aborted; round++) {
    try {
      yield* beat();
      outage.end();
    } catch (error) {
      if (!isTransient(error) || signal.aborted || round === count) throw error;
      outage.begin(error.message);
    }
    if (round === count || !goesOn()) return;
    due += every * Math.max(1, Math.ceil((elapsed() - due) / every));
    // Timers fire early now and then: by a fraction of a millisecond, or because they are so long.
    while (!signal.aborted && elapsed() < due) {
      await sleep(Math.min(due - elapsed(), LONGEST_TIMER_MS), undefined, { signal }).catch(() => {});
    }
  }
}
