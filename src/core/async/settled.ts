/**
 * Waiting for several promises. Each function, also when one promise rejects, returns only when none is pending any
 * more: a caller that gets an error may send its next request at once, which must not overtake work that began earlier.
 */

/**
 * Waits for all works, and returns their values in order. If some fail, it rejects with the error of the first in
 * order.
 */
export async function settleAll<Result>(
  works: Iterable<Result | Promise<Result>>,
): Promise<Awaited<Result>[]> {
  const outcomes = await Promise.allSettled(works);
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

/** Waits for all works. Returns the values of the works that succeeded, and the errors of those that failed. */
export async function collectOutcomes<Result>(
  works: readonly Promise<Result>[],
): Promise<{ values: Result[]; failures: unknown[] }> {
  const outcomes = await Promise.allSettled(works);
  return {
    values: outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : [])),
    failures: outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : [])),
  };
}

/**
 * Calls `work` for each item in order, for at most `limit` items at the same time, and returns the results in the order
 * of the items. After a failure it calls `work` for no further item, and rejects with the error that came first.
 */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
  limit: number,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length);
  const rest = items.entries();
  const failures: unknown[] = [];
  const worker = async () => {
    for (const [index, item] of rest) {
      try {
        results[index] = await work(item);
      } catch (error) {
        failures.push(error);
      }
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
