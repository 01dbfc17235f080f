/**
 * Repeats work at fixed moments: round n is due n intervals after the start, so that the duration
 * of the rounds does not add up to a drift. Rounds that were missed are skipped, not made up for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_TIMER_MS } from '../../core/model/numeric-options.js';
import type { OutageNotice } from '../../core/pubsub/outage-notice.js';
import { isTransient } from '../../core/store/redis-errors.js';
import type { Context } from './context.js';

export interface RepeatOptions {
  intervalMs: number;
  /** The number of rounds; undefined: rounds are repeated until the command is stopped. */
  count?: number | undefined;
  /** Called after each round; if it returns false, no further round begins. */
  shouldContinue?(): boolean;
}

/**
 * Yields what each round yields. A round that fails with a transient error is reported as the beginning of an
 * outage, and the next round is still tried at its time.
 * @throws the error of a round if it is not transient, or if it was the last round
 */
export async function* repeatAtInterval<Item>(
  { signal }: Context,
  { intervalMs, count, shouldContinue = () => true }: RepeatOptions,
  round: () => AsyncIterable<Item>,
  outage: OutageNotice,
): AsyncGenerator<Item> {
  const start = performance.now();
  const elapsedMs = () => performance.now() - start;
  let dueMs = 0;
  for (let number = 1; !signal.aborted; number++) {
    try {
      yield* round();
      outage.end();
    } catch (error) {
      if (!isTransient(error) || signal.aborted || number === count) throw error;
      outage.begin(error);
    }
    if (number === count || !shouldContinue()) return;
    dueMs += intervalMs * Math.max(1, Math.ceil((elapsedMs() - dueMs) / intervalMs));
    // One sleep is not enough: a timer may fire a fraction of a millisecond early, and no timer can be longer than
    // MAX_TIMER_MS (24 days). So it sleeps until the time of the next round has come.
    while (!signal.aborted && elapsedMs() < dueMs) {
      await sleep(Math.min(dueMs - elapsedMs(), MAX_TIMER_MS), undefined, { signal }).catch(() => {});
    }
  }
}
