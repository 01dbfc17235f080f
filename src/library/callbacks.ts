/**
 * Calls of functions that the caller of the library gave: listeners and callbacks. An exception of such a function
 * must not end a detection or a feed. It is thrown outside of them, so that Node handles it like an exception of any
 * event handler: as an uncaught exception. A promise that such a function returns is ignored, so its rejection is an
 * unhandled rejection.
 */

/** Calls a function of the library's caller. Its exception becomes an uncaught exception of the process. */
export function callIsolated(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    throwUncaught(error);
  }
}

/** Returns options like the given ones, in which every function is called as `callIsolated` does. */
export function isolateCallbacks<Options extends object>(options: Options): Options {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name,
      typeof value === 'function'
        ? (...args: unknown[]) => callIsolated(() => value.call(options, ...args))
        : value,
    ]),
  ) as Options;
}

/** Throws the error outside of any promise, so that Node handles it like an error that an event listener throws. */
export function throwUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
