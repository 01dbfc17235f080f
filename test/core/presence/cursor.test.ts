/** A reader's places in all logs as one text: what is written is read back, and nothing else is taken. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatCursor,
  type LogPosition,
  parseCursor,
  positionAfter,
  positionAt,
} from '../../../src/core/presence/cursor.js';
import { failure } from '../../support/fleet.js';

const MOST = 999_999_999_999_999;
const time = fc.oneof(fc.nat(MOST), fc.integer({ min: 1_790_000_000_000, max: 1_790_003_600_000 }));
const entry = fc.tuple(time, fc.oneof(fc.constant(0), fc.nat(300), fc.nat(MOST)));
const place = fc.oneof(
  entry.map(([ms, seq]) => positionAfter(`${ms}-${seq}`)),
  time.map(positionAt),
);

const refused = (text: string, count: number) => failure((async () => parseCursor(text, count))());

test('one log: the id that the entry has there', () => {
  expect(formatCursor([positionAfter('1790000000000-7')], 0)).toBe('1790000000000-7');
  expect(parseCursor('1790000000000-7', 1)).toEqual([positionAfter('1790000000000-7')]);
});

test('several: as the file’s comment says', () => {
  const places = [positionAfter('1000-0'), positionAfter('1005-0'), positionAfter('900-3'), positionAt(990)];
  expect(formatCursor(places, 0)).toBe('1000-0@0.LKEGA1I');
  expect([...Buffer.from('LKEGA1I', 'base64url')]).toEqual([8 * 5 + 4, 128 + 33, 6, 3, 8 * 10 + 2]);
  expect(parseCursor('1000-0@0.LKEGA1I', 4)).toEqual(places);
});

test('an entry alone: the others begin at its moment', () => {
  expect(parseCursor('1000-5@1', 3)).toEqual([positionAt(1000), positionAfter('1000-5'), positionAt(1000)]);
});

test('before all that there is', () => {
  for (const count of [1, 3]) expect(parseCursor('0-0', count)).toEqual(Array(count).fill(positionAt(0)));
});

test('any places come back, and need no quoting', () => {
  fc.assert(
    fc.property(fc.array(place, { minLength: 1, maxLength: 70 }), entry, fc.nat(), (list, [ms, seq], at) => {
      const own = at % list.length;
      const places: LogPosition[] = list.with(own, positionAfter(`${ms}-${Math.max(seq, 1)}`));
      const text = formatCursor(places, own);
      expect(text).toMatch(/^[\w@.-]+$/);
      expect(parseCursor(text, places.length)).toEqual(places);
    }),
    { seed: 5, numRuns: 2000 },
  );
});

test('64 partitions that were read within the hour: about 350 characters', () => {
  const places = Array.from({ length: 64 }, (_, i) => positionAfter(`${1_790_000_000_000 - i * 55_000}-0`));
  expect(formatCursor(places, 0).length).toBeLessThan(370);
});

describe('refused', () => {
  const good = formatCursor([positionAfter('1000-0'), positionAfter('900-3'), positionAt(990)], 0);

  test.each([
    [good, 2],
    [good, 4],
    [good, 1],
    [good, 64],
    ['1000-0', 3],
    ['1000-0@0', 1],
    ['1000-0@3', 3],
    ['1000-0@00', 3],
    ['1000-0@999999999', 3],
    [good.replace('@0', '@1').slice(0, -1), 3],
    [`${good}A`, 3],
    [`${good}A=`, 3],
    [good.slice(0, -2), 3],
    ['1000-0@0.', 3],
    ['1000-0@0.//', 3],
    ['1000-0@0.AwM', 3], // no such kind
    ['1000-0@0.BAA', 3], // later by nothing
    ['1-0@0.EAA', 3], // before 1970
    ['1000-0@0.gAAA', 3], // a varint longer than need be
    ['1000-0@0.AYAA', 3], // ends in one
    ['1000-0@0.AQAA', 3], // an entry's seq of 0, said twice
    ['01-0@0.AAA', 3],
    ['1000', 1],
    ['', 1],
    ['1000-0 ', 1],
    ['$', 1],
    ['1000000000000000-0', 1],
  ])('%s in %i', async (text, count) => {
    expect(await refused(text, count)).toMatchObject({ code: 'USAGE' });
  });

  test('whatever is changed in one', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 12 }), fc.nat(good.length - 1), (insert, at) => {
        const text = good.slice(0, at) + insert + good.slice(at + 1);
        try {
          expect(formatCursor(parseCursor(text, 3), Number(/@(\d)/.exec(text)?.[1]))).toBe(text);
        } catch (error) {
          expect(error).toMatchObject({ code: 'USAGE' });
        }
      }),
      { seed: 6, numRuns: 2000 },
    );
  });
});
