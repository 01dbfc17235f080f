/**
 * Times as text: relative on a terminal (`3m20s ago`), ISO 8601 in a pipe. Records may be written
 * by other programs, so no number (NaN, 1e20) may throw here.
 */

/** All times are in ms since the epoch; null means that there is none. */
export interface Times {
  /** A time in the past: `3m20s ago`; null is `never`. */
  ago(atMs: number | null): string;
  /** A time in the future: `in 48s`; null is `-`. */
  until(atMs: number | null): string;
  /** ISO 8601, on a terminal too; null is `-`. */
  instant(atMs: number | null): string;
}

/** For a terminal. @param now the current time, in ms since the epoch */
export function relativeTimes(now: () => number): Times {
  return {
    ago: (atMs) => orElse(atMs, 'never', (then) => `${formatSeconds(Math.floor((now() - then) / 1000))} ago`),
    // Rounded up, so that `in 0s` means that the time has passed.
    until: (atMs) => orElse(atMs, '-', (then) => `in ${formatSeconds(Math.ceil((then - now()) / 1000))}`),
    instant: (atMs) => orElse(atMs, '-', iso),
  };
}

/** For a pipe. */
export function isoTimes(): Times {
  return {
    ago: (atMs) => orElse(atMs, 'never', iso),
    until: (atMs) => orElse(atMs, '-', iso),
    instant: (atMs) => orElse(atMs, '-', iso),
  };
}

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

/** The two largest units, the rest cut off: `3m20s`, `850ms`, `2d4h`. Zero and less is `0s`, NaN and infinity `-`. */
export function formatDuration(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return '-';
  const first = UNITS.findIndex(([, size]) => durationMs >= size);
  if (first === -1) return '0s';
  let rest = durationMs;
  let text = '';
  for (const [name, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${name}`;
    rest %= size;
  }
  return text;
}

function formatSeconds(seconds: number): string {
  return formatDuration(seconds * 1000);
}

function iso(atMs: number): string {
  const date = new Date(atMs);
  return Number.isNaN(date.getTime()) ? String(atMs) : date.toISOString();
}

function orElse(atMs: number | null, absent: string, show: (atMs: number) => string): string {
  if (atMs === null) return absent;
  return Number.isFinite(atMs) ? show(atMs) : '-';
}
