/** Measurements of tests: printed among the output of the tests and, with `npm run test:soak`, once more at its end. */
import { appendFileSync } from 'node:fs';

/** Prints lines below a title, and appends them to the file that DEVSTATE_TEST_FIGURES names, if it is set. */
export function printReport(title: string, lines: readonly string[]): void {
  const text = `${title}\n${lines.map((line) => `  ${line}\n`).join('')}`;
  process.stdout.write(text);
  const { DEVSTATE_TEST_FIGURES } = process.env;
  if (DEVSTATE_TEST_FIGURES) appendFileSync(DEVSTATE_TEST_FIGURES, text);
}

/** Median, 99th percentile, maximum and count of durations in ms, as text. */
export function summarizeMs(ms: readonly number[]): string {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms (${sorted.length})`;
}
