/** Globs of device ids: `*` is any text, `?` any one character; every other character stands for itself. */

/** Returns whether a text matches a glob. */
export type Glob = (text: string) => boolean;

/** Reads a glob. The time of a match is at most proportional to the length of the glob times that of the text. */
export function parseGlob(glob: string): Glob {
  const pattern = Array.from(glob);
  return (text) => matches(pattern, Array.from(text));
}

/**
 * Compares pattern and text character by character. When they differ, only the last `*` seen takes one more
 * character: whatever an earlier one could take instead, the last one could take too. A RegExp would try all ways to
 * share the text among the `*`, which are exponentially many.
 */
function matches(pattern: readonly string[], text: readonly string[]): boolean {
  let p = 0;
  let t = 0;
  /** The position of the last `*`; -1: there was none yet. */
  let star = -1;
  /** The position behind the text that this `*` takes. */
  let taken = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      p = star + 1;
      t = ++taken;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
