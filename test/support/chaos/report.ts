/** What a test measured, for whoever reads its output. */

export function say(what: string, figures: readonly string[]): void {
  process.stdout.write(`${what}\n${figures.map((figure) => `  ${figure}\n`).join('')}`);
}

/** Median, p99 and maximum of a list of milliseconds. */
export function spread(ms: readonly number[]): string {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms (${sorted.length})`;
}
