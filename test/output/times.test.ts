import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, isoTimes, relativeTimes } from '../../src/output/times.js';

const NOW = Date.parse('2026-11-24T10:00:00.123Z');
const relative = relativeTimes(() => NOW);

describe('formatDuration', () => {
  it.each([
    [0, '0s'],
    [-5, '0s'],
    [850, '850ms'],
    [1500, '1s500ms'],
    [12_000, '12s'],
    [200_000, '3m20s'],
    [3_600_000, '1h'],
    [3_605_000, '1h'],
    [2 * 86_400_000 + 4 * 3_600_000 + 61_000, '2d4h'],
    [1e20, '1157407407407d9h'],
    [Number.NaN, '-'],
    [Number.POSITIVE_INFINITY, '-'],
  ])('%d is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('on a terminal', () => {
  it.each([
    [null, 'never'],
    [NOW - 12_999, '12s ago'],
    [NOW - 200_000, '3m20s ago'],
    [NOW - 400, '0s ago'],
    [NOW + 5000, '0s ago'],
    [Number.NaN, '-'],
    [1e20, '0s ago'],
  ])('last seen %s: %s', (ms, text) => {
    expect(relative.ago(ms)).toBe(text);
  });

  it.each([
    [null, '-'],
    [NOW + 48_000, 'in 48s'],
    [NOW + 59_400, 'in 1m'],
    [NOW + 1, 'in 1s'],
    [NOW, 'in 0s'],
    [NOW - 9000, 'in 0s'],
    [Number.NaN, '-'],
  ])('expires %s: %s', (ms, text) => {
    expect(relative.until(ms)).toBe(text);
  });

  it('shows an instant as ISO 8601', () => {
    expect(relative.instant(NOW)).toBe('2026-11-24T10:00:00.123Z');
    expect(relative.instant(null)).toBe('-');
  });
});

describe('into a pipe', () => {
  it('is ISO 8601 with milliseconds', () => {
    const iso = isoTimes();
    expect(iso.ago(NOW)).toBe('2026-11-24T10:00:00.123Z');
    expect(iso.until(NOW)).toBe('2026-11-24T10:00:00.123Z');
    expect([iso.ago(null), iso.until(null), iso.instant(null)]).toEqual(['never', '-', '-']);
    expect(iso.instant(1e20)).toBe('100000000000000000000');
  });
});

it('throws for no number', () => {
  fc.assert(
    fc.property(fc.double(), (ms) => {
      for (const times of [relative, isoTimes()]) {
        for (const text of [times.ago(ms), times.until(ms), times.instant(ms)])
          expect(text).toMatch(/^\S.*$/);
      }
    }),
  );
});

it('shows times in ISO 8601 while the time is not known', () => {
  const times = relativeTimes(() => undefined);
  expect([times.ago(NOW), times.until(NOW), times.ago(null)]).toEqual([
    '2026-11-24T10:00:00.123Z',
    '2026-11-24T10:00:00.123Z',
    'never',
  ]);
});
