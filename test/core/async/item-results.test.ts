/** Many items in one call: which failures are of one item only, and how items are split so that they stay in order. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  awaitItemResult,
  sendValidItems,
  splitAtRepeats,
  unwrapOne,
} from '../../../src/core/async/item-results.js';
import { DevstateError, usageError } from '../../../src/core/model/errors.js';

const odd = (n: number) => {
  if (n % 2 === 0) throw usageError(`${n} is even`);
  return n;
};

describe('the result of each item', () => {
  test('is its error if it is not valid; the valid items are sent together', async () => {
    const sent: (readonly number[])[] = [];
    const results = await sendValidItems([1, 2, 3, 4, 5], odd, async (items) => {
      sent.push(items);
      return items.map((n) => (n === 3 ? usageError('3 is refused') : n * 10));
    });
    expect(results).toMatchObject([
      10,
      { message: '2 is even' },
      { message: '3 is refused' },
      { message: '4 is even' },
      50,
    ]);
    expect(sent).toEqual([[1, 3, 5]]);
  });

  test('is not given if the failure is not about one item: the call rejects', async () => {
    const broken = () => {
      throw new TypeError('a bug');
    };
    await expect(sendValidItems([1], broken, async () => [])).rejects.toThrow('a bug');
    const lost = new DevstateError('CONNECTION', 'lost');
    await expect(sendValidItems([1], odd, () => Promise.reject(lost))).rejects.toBe(lost);
    await expect(awaitItemResult(Promise.reject(lost))).rejects.toBe(lost);
    const own = usageError('own');
    expect(await awaitItemResult(Promise.reject(own))).toBe(own);
    expect(() => unwrapOne([own])).toThrow(own);
  });
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
