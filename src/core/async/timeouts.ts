/**
 * Waiting for work for a limited time, so that a server that does not reply does not delay the work on other servers.
 * After the timeout the work is not cancelled: it continues, and its result is ignored.
 */

/** Returns the result of the work; undefined if it takes longer than `ms`. Rejects if the work fails within `ms`. */
export function withTimeout<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, undefined).unref();
    work.finally(() => clearTimeout(timer)).then(resolve, reject);
  });
}

/**
 * Waits until all works have ended, or until no further work has ended for `ms` after the last one that did. It waits
 * for the first end without a limit. No work may reject: its end would not be noticed, and the rejection not handled.
 */
export function settleWithStragglerTimeout(ms: number, works: readonly Promise<void>[]): Promise<void> {
  return new Promise((resolve) => {
    let pending = works.length;
    let isOver = pending === 0;
    let timer: NodeJS.Timeout | undefined;
    const end = () => {
      isOver = true;
      resolve();
    };
    if (isOver) resolve();
    for (const work of works) {
      void work.then(() => {
        clearTimeout(timer);
        pending -= 1;
        if (pending === 0) end();
        else if (!isOver) timer = setTimeout(end, ms).unref();
      });
    }
  });
}
