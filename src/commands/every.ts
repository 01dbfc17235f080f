/**
 * Beats at fixed moments: the n-th is due n intervals after the first, however long each
 * took, so they do not drift; what was missed is not made up for. A lost connection is
 * said once, and when it is back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DevstateError } from '../core/errors.js';
import type { Context } from './command.js';

export async function* everyBeat<T>(
  { signal, notice }: Context,
  every: number,
  count: number | undefined,
  beat: () => AsyncIterable<T>,
): AsyncGenerator<T> {
  const start = performance.now();
  let lost = false;
  for (let round = 1; !signal.aborted; round++) {
    try {
      yield* beat();
      if (lost) notice('connected again');
      lost = false;
    } catch (error) {
      if (!(error instanceof DevstateError && error.code === 'CONNECTION') || signal.aborted) throw error;
      if (!lost) notice(`${error.message}; trying on`);
      lost = true;
    }
    if (round === count) return;
    const due = Math.ceil((performance.now() - start) / every) * every;
    const pause = Math.max(due, 1) - (performance.now() - start);
    await sleep(pause, undefined, { signal }).catch(() => {}); // aborted: the loop sees it
  }
}
