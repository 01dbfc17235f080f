/** How figures are taken: all contestants take turns, so that a slow phase of the machine affects all; then medians. */

/**
 * Runs each contestant once per round; resolves to the figures of each, one per round.
 * @param options `warmUp`: a first round is run and not counted
 */
export async function inTurn(rounds, contestants, { warmUp = false } = {}) {
  const figures = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = warmUp ? -1 : 0; round < rounds; round += 1) {
    for (const [name, run] of Object.entries(contestants)) {
      const figure = await run();
      if (round >= 0) figures[name].push(figure);
    }
  }
  return figures;
}

/** Picks one field of each contestant's figures. */
export function fieldOf(figures, field) {
  const fields = Object.entries(figures).map(([name, runs]) => [name, runs.map((run) => run[field])]);
  return Object.fromEntries(fields);
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle - 1)] + sorted[Math.floor(middle)]) / 2;
}

/** The median of the rounds' ratios: what slows a whole round down is in both of its figures. */
export function ratio(numerators, denominators) {
  return median(numerators.map((figure, round) => figure / denominators[round]));
}

/** Calls `work` for each item of an iterator, with `limit` calls in flight at a time. */
export async function inFlight(limit, items, work) {
  const worker = async () => {
    for (const item of items) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
}

/** A copy in random order. */
export function shuffled(items) {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i -= 1) {
    const j = Math.floor(Math.random() * (i + 1));
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
}

/** Resolves to the time that `work` takes, in ms. */
export async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
