/** Many items in one call: which failures are of one item only, and how items are split so that they stay in order. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { awaitItemResult, splitAtRepeats, unwrapOne } from '../../../src/core/async/item-results.js';
import { DevstateError, usageError } from '../../../src/core/model/errors.js';

test('the result of an item is its own error; an error of the connection rejects', async () => {
  const lost = new DevstateError('CONNECTION', 'lost');
  await expect(awaitItemResult(Promise.reject(lost))).rejects.toBe(lost);
  const own = usageError('own');
  expect(await awaitItemResult(Promise.reject(own))).toBe(own);
  expect(() => unwrapOne([own])).toThrow(own);
});

describe('splitting at repeats', () => {
  const split = (text: string) => {
    const items = [...text].map((id) => ({ id: id.toLowerCase(), mayBeResent: id !== id.toLowerCase() }));
    return [...splitAtRepeats(items, ({ mayBeResent }) => mayBeResent)].map((run) =>
      run.map(({ id, mayBeResent }) => (mayBeResent ? id.toUpperCase() : id)).join(''),
    );
  };

  // A letter is a device. The items with capital letters may be sent a second time, with the chunk that they are in.
  test.each([
    ['', []],
    ['abab', ['abab']],
    ['ABCD', ['ABCD']],
    ['aA', ['a', 'A']],
    ['Aa', ['A', 'a']],
    ['ABA', ['AB', 'A']],
    ['aaMab', ['aaM', 'ab']],
    ['aMbb', ['aMb', 'b']],
    ['aMAa', ['aM', 'A', 'a']],
  ])('of %s', (items, expected) => {
    expect(split(items)).toEqual(expected);
  });

  test('keeps the items of each device in order, even if chunks with resendable items are sent last', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...'abcABC')), fc.integer({ min: 1, max: 4 }), (letters, size) => {
        const order = split(letters.join('')).flatMap((run) => {
          const parts = Array.from({ length: Math.ceil(run.length / size) }, (_, i) =>
            run.slice(i * size, (i + 1) * size),
          );
          const isLate = (part: string) => part !== part.toLowerCase();
          return [...parts.filter((part) => !isLate(part)), ...parts.filter(isLate)];
        });
        const itemsOf = (text: string, id: string) => [...text].filter((item) => item.toLowerCase() === id);
        for (const id of 'abc') expect(itemsOf(order.join(''), id)).toEqual(itemsOf(letters.join(''), id));
      }),
    );
  });
});
