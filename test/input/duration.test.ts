import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCount, parseDuration, parseTtl, ttlFromInput } from '../../src/input/duration.js';

const USAGE = expect.objectContaining({ code: 'USAGE' });

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['15m', 900_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['1h30m', 5_400_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['1m500ms', 60_500],
    ['60', 60_000],
    ['0.5', 500],
    ['1.1', 1100],
    ['1.5h', 5_400_000],
    ['0', 0],
    ['0s', 0],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    ' ',
    '-5',
    '+5',
    '-3m',
    '1M',
    '5x',
    'h',
    '1h1h',
    '30m1h',
    '1 h',
    ' 1h',
    '.5',
    '1.',
    '1e3',
    '0x10',
    '٣s',
    'NaN',
    'Infinity',
    '9'.repeat(400),
    `${'9'.repeat(20)}d`,
    '1h\n',
  ])('refuses %j and names the accepted forms', (text) => {
    expect(() => parseDuration(text)).toThrowError(
      expect.objectContaining({ code: 'USAGE', hint: expect.stringContaining('500ms, 90s, 15m, 2h, 7d') }),
    );
  });

  it('reads durations written with all units', () => {
    fc.assert(
      fc.property(fc.nat(9999), fc.nat(23), fc.nat(59), fc.nat(59), fc.nat(999), (d, h, m, s, ms) => {
        const total = (((d * 24 + h) * 60 + m) * 60 + s) * 1000 + ms;
        expect(parseDuration(`${d}d${h}h${m}m${s}s${ms}ms`)).toBe(total);
        expect(parseDuration(`${total}ms`)).toBe(total);
        expect(parseDuration(String(total / 1000))).toBe(total);
      }),
    );
  });

  it('returns whole milliseconds or throws a usage error for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.dhms-+ ') }), (text) => {
        try {
          expect(Number.isSafeInteger(parseDuration(text))).toBe(true);
        } catch (error) {
          expect(error).toEqual(USAGE);
        }
      }),
    );
  });
});

describe('parseTtl', () => {
  it('accepts 1ms to ten years', () => {
    expect([parseTtl('1ms'), parseTtl('60'), parseTtl('3650d')]).toEqual([1, 60_000, 315_360_000_000]);
  });

  it.each(['0', '0ms', '0.0004', '3651d', 'x'])('refuses %s', (text) => {
    expect(() => parseTtl(text)).toThrowError(USAGE);
  });

  it.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, -1])('ttlFromInput refuses %d', (ms) => {
    expect(() => ttlFromInput(ms)).toThrowError(USAGE);
  });
});

describe('parseCount', () => {
  it('accepts whole numbers from 1', () => {
    expect([parseCount('1'), parseCount('1000')]).toEqual([1, 1000]);
  });

  it.each(['0', '-1', '+1', '1.5', '1e3', '', ' 1', 'x', '9'.repeat(20)])('refuses %j', (text) => {
    expect(() => parseCount(text)).toThrowError(USAGE);
  });
});
