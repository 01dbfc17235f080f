export interface ChildAbort {
  readonly signal: AbortSignal;
  abort(): void;
}

/** Returns a signal that is aborted with `parent`, or earlier by `abort()`, which does not abort the parent. */
export function childAbort(parent: AbortSignal): ChildAbort {
  const child = new AbortController();
  return { signal: AbortSignal.any([parent, child.signal]), abort: () => child.abort() };
}
