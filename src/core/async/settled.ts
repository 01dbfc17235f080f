/**
 * Waiting for several promises. Each function waits until no work is running any more, also after a failure: a
 * caller that gets an error may send the next request at once, and that must not run before work that began earlier.
 */

/** Waits for all, and returns the values in the order of the works. Rejects with the first failure in that order. */
export async function settleAll<Result>(
  works: Iterable<Result | Promise<Result>>,
): Promise<Awaited<Result>[]> {
  return valuesOf(await Promise.allSettled(works));
}

/** Waits for all, and returns the values of those that succeeded and the errors of the others. Never rejects. */
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
 * Calls `work` for each item in order, at most `limit` at the same time, and returns the results in the order of the
 * items. After a failure it calls `work` for no further item, and rejects with the first failure in that order.
 */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
  limit: number,
): Promise<Result[]> {
  const outcomes: PromiseSettledResult<Result>[] = [];
  const rest = items.entries();
  let hasFailed = false;
  const worker = async () => {
    for (const [index, item] of rest) {
      try {
        outcomes[index] = { status: 'fulfilled', value: await work(item) };
      } catch (reason) {
        outcomes[index] = { status: 'rejected', reason };
        hasFailed = true;
      }
      if (hasFailed) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return valuesOf(outcomes);
}

function valuesOf<Result>(outcomes: readonly PromiseSettledResult<Result>[]): Result[] {
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}
