import { randomPicker } from './random.mjs';

/**
 * Runs several series of steps, one step of one of them at a time, in an order that `seed` repeats. Returns the
 * steps in the order in which they were run, each after the index of its series.
 */
export async function interleave(seed: number, ...runs: AsyncIterator<unknown>[]): Promise<string[]> {
  const pick = randomPicker(seed);
  const done: string[] = [];
  const unfinished = [...runs.entries()];
  while (unfinished.length > 0) {
    const picked = pick(unfinished);
    const [index, run] = picked;
    const step = await run.next();
    if (step.done) unfinished.splice(unfinished.indexOf(picked), 1);
    else done.push(`${index}: ${step.value}`);
  }
  return done;
}
