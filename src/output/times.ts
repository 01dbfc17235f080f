/**
 * Times as text: relative on a terminal (`3m20s ago`), ISO 8601 in a pipe. Other programs may have stored any
 * number as a time (NaN, 1e20), so these functions must accept every number without throwing.
 */

/** Turns times into text. Times are in ms since the epoch; null means that there is no time. */
export interface Times {
  /** Returns the text of a time in the past: `3m20s ago`; for null `never`. */
  ago(atMs: number | null): string;
  /** Returns the text of a time in the future: `in 48s`; for null `-`. */
  until(atMs: number | null): string;
  /** Returns the text of a time in ISO 8601, on a terminal too; for null `-`. */
  instant(atMs: number | null): string;
}

/**
 * Returns times relative to the current time, for output on a terminal.
 * @param now returns the server's time, ms since the epoch; undefined: it is not known, so times are shown in ISO 8601
 */
export function relativeTimes(now: () => number | undefined): Times {
  const relative = (show: (then: number, nowMs: number) => string) => (then: number) => {
    const nowMs = now();
    return nowMs === undefined ? iso(then) : show(then, nowMs);
  };
  return {
    ago: (atMs) =>
      orElse(
        atMs,
        'never',
        relative((then, nowMs) => `${formatSeconds(Math.floor((nowMs - then) / 1000))} ago`),
      ),
    // Seconds are rounded up, so that `in 0s` means that the time has passed.
    until: (atMs) =>
      orElse(
        atMs,
        '-',
        relative((then, nowMs) => `in ${formatSeconds(Math.ceil((then - nowMs) / 1000))}`),
      ),
    instant: (atMs) => orElse(atMs, '-', iso),
  };
}

/** Returns times in ISO 8601, for output to a pipe or file. */
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

/**
 * Returns a duration (ms) in its two largest units, the rest cut off: `3m20s`, `850ms`, `2d4h`. Zero and less is
 * `0s`, NaN and infinity are `-`.
 */
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
