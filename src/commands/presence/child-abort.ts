export interface ChildAbort {
  readonly signal: AbortSignal;
  abort(): void;
}

/** A signal that aborts with `parent`, or earlier by `abort()`, which leaves the parent as it is. */
export function childAbort(parent: AbortSignal): ChildAbort {
  const child = new AbortController();
  return { signal: AbortSignal.any([parent, child.signal]), abort: () => child.abort() };
}
