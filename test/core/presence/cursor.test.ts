/** Cursors: the position in each log is written as one text and read back; any other text is refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatCursor, parseCursor } from '../../../src/core/presence/cursor.js';
import { type LogPosition, positionAfter, positionAt } from '../../../src/core/presence/log-position.js';
import { failure } from '../../support/fleet.js';

const MOST = 999_999_999_999_999;
const time = fc.oneof(fc.nat(MOST), fc.integer({ min: 1_790_000_000_000, max: 1_790_003_600_000 }));
const entry = fc.tuple(time, fc.oneof(fc.constant(0), fc.nat(300), fc.nat(MOST)));
const position = fc.oneof(
  entry.map(([ms, seq]) => positionAfter(`${ms}-${seq}`)),
  time.map(positionAt),
);

const refused = (text: string, count: number) => failure((async () => parseCursor(text, count))());

test('a cursor in a fleet with one partition is the id of the entry in the log', () => {
  expect(formatCursor([positionAfter('1790000000000-7')], 0)).toBe('1790000000000-7');
  expect(parseCursor('1790000000000-7', 1)).toEqual([positionAfter('1790000000000-7')]);
});

test('a cursor in a fleet with several partitions has the form that cursor.ts documents', () => {
  const positions = [
    positionAfter('1000-0'),
    positionAfter('1005-0'),
    positionAfter('900-3'),
    positionAt(990),
  ];
  expect(formatCursor(positions, 0)).toBe('1000-0@0.LKEGA1I');
  expect([...Buffer.from('LKEGA1I', 'base64url')]).toEqual([8 * 5 + 4, 128 + 33, 6, 3, 8 * 10 + 2]);
  expect(parseCursor('1000-0@0.LKEGA1I', 4)).toEqual(positions);
});

test('a cursor without positions continues in the other logs at the time of the entry', () => {
  expect(parseCursor('1000-5@1', 3)).toEqual([positionAt(1000), positionAfter('1000-5'), positionAt(1000)]);
});

test('the cursor 0-0 is the beginning of every log', () => {
  for (const count of [1, 3]) expect(parseCursor('0-0', count)).toEqual(Array(count).fill(positionAt(0)));
});

test('a cursor is read back as the positions that it was written from, and needs no quoting in a shell', () => {
  fc.assert(
    fc.property(
      fc.array(position, { minLength: 1, maxLength: 70 }),
      entry,
      fc.nat(),
      (list, [ms, seq], index) => {
        const own = index % list.length;
        const positions: LogPosition[] = list.with(own, positionAfter(`${ms}-${Math.max(seq, 1)}`));
        const text = formatCursor(positions, own);
        expect(text).toMatch(/^[\w@.-]+$/);
        expect(parseCursor(text, positions.length)).toEqual(positions);
      },
    ),
    { seed: 5, numRuns: 2000 },
  );
});

test('a cursor of 64 partitions, all read within an hour, has at most 370 characters', () => {
  const positions = Array.from({ length: 64 }, (_, i) =>
    positionAfter(`${1_790_000_000_000 - i * 55_000}-0`),
  );
  expect(formatCursor(positions, 0).length).toBeLessThan(370);
});

describe('a text is refused as a cursor', () => {
  const valid = formatCursor([positionAfter('1000-0'), positionAfter('900-3'), positionAt(990)], 0);

  test.each([
    [valid, 2],
    [valid, 4],
    [valid, 1],
    [valid, 64],
    ['1000-0', 3],
    ['1000-0@0', 1],
    ['1000-0@3', 3],
    ['1000-0@00', 3],
    ['1000-0@999999999', 3],
    [valid.replace('@0', '@1').slice(0, -1), 3],
    [`${valid}A`, 3],
    [`${valid}A=`, 3],
    [valid.slice(0, -2), 3],
    ['1000-0@0.', 3],
    ['1000-0@0.//', 3],
    ['1000-0@0.AwM', 3], // kind 3 does not exist
    ['1000-0@0.BAA', 3], // the bit for later, with distance 0
    ['1-0@0.EAA', 3], // a time before 1970
    ['1000-0@0.gAAA', 3], // a varint with a superfluous last byte
    ['1000-0@0.AYAA', 3], // ends within a varint
    ['1000-0@0.AQAA', 3], // kind 1 with seq 0, which is written as kind 0
    ['01-0@0.AAA', 3],
    ['1000', 1],
    ['', 1],
    ['1000-0 ', 1],
    ['$', 1],
    ['1000000000000000-0', 1],
  ])('%j in a fleet with %i partitions', async (text, count) => {
    expect(await refused(text, count)).toMatchObject({ code: 'USAGE' });
  });

  test('after any change, unless the changed text is a cursor too', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 12 }), fc.nat(valid.length - 1), (insert, at) => {
        const text = valid.slice(0, at) + insert + valid.slice(at + 1);
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
