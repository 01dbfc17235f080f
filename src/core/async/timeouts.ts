/**
 * Waiting for several who answer each for itself: one of them that is silent does not keep
 * the others from being served. What is not waited for any more goes on.
 */

/** What comes of it; undefined where that takes longer than `ms`. */
export function withTimeout<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const patience = setTimeout(resolve, ms, undefined).unref();
    work.finally(() => clearTimeout(patience)).then(resolve, reject);
  });
}

/** Until all have come, none of which may reject: for the first however long it takes, for each further one `ms`. */
export function settleWithStragglerTimeout(ms: number, works: readonly Promise<void>[]): Promise<void> {
  return new Promise((resolve) => {
    let left = works.length;
    let over = left === 0;
    let patience: NodeJS.Timeout | undefined;
    const end = () => {
      over = true;
      resolve();
    };
    if (over) resolve();
    for (const work of works) {
      void work.then(() => {
        clearTimeout(patience);
        left -= 1;
        if (left === 0) end();
        else if (!over) patience = setTimeout(end, ms).unref();
      });
    }
  });
}
