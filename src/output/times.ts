/**
 * Instants as people and pipes read them. Records come from other programs, so no value,
 * however absurd (NaN, 1e20), may throw here.
 */

/** Chosen once, with the format; `null` is what never happened or never will. */
export interface Times {
  /** When something was last seen: `3m20s ago`; `never`. */
  ago(ms: number | null): string;
  /** When something will end: `in 48s`; `-`. */
  until(ms: number | null): string;
  /** A point in time as such: ISO 8601 everywhere; `-`. */
  instant(ms: number | null): string;
}

/** For a terminal. */
export function relativeTimes(now: () => number): Times {
  return {
    ago: (ms) => orElse(ms, 'never', (then) => `${wholeSeconds(Math.floor((now() - then) / 1000))} ago`),
    // Rounded up, so that `in 0s` says that the time has come.
    until: (ms) => orElse(ms, '-', (then) => `in ${wholeSeconds(Math.ceil((then - now()) / 1000))}`),
    instant: (ms) => orElse(ms, '-', iso),
  };
}

/** For a pipe. */
export function isoTimes(): Times {
  return {
    ago: (ms) => orElse(ms, 'never', iso),
    until: (ms) => orElse(ms, '-', iso),
    instant: (ms) => orElse(ms, '-', iso),
  };
}

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

/** Two units at most, cut rather than rounded: `3m20s`, `850ms`, `2d4h`; nothing and less is `0s`. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return '-';
  const first = UNITS.findIndex(([, size]) => ms >= size);
  if (first === -1) return '0s';
  let rest = ms;
  let text = '';
  for (const [name, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${name}`;
    rest %= size;
  }
  return text;
}

function wholeSeconds(seconds: number): string {
  return formatDuration(seconds * 1000);
}

function iso(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}

function orElse(ms: number | null, absent: string, show: (ms: number) => string): string {
  if (ms === null) return absent;
  return Number.isFinite(ms) ? show(ms) : '-';
}
