/** Many items in one call: what fails alone, what stays in order, what may go together. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  itemFailure,
  sendValidItems,
  settleAll,
  splitAtRepeats,
  unwrapOne,
} from '../../../src/core/async/item-results.js';
import { DevstateError, usageError } from '../../../src/core/model/errors.js';

const odd = (n: number) => {
  if (n % 2 === 0) throw usageError(`${n} is even`);
  return n;
};

test('a failure of one of several is told when none is under way any more', async () => {
  const order: string[] = [];
  const slow = new Promise((resolve) => setTimeout(resolve, 20)).then(() => order.push('slow'));
  await settleAll([Promise.reject(usageError('no')), slow]).catch(() => order.push('told'));
  expect(order).toEqual(['slow', 'told']);
  expect(await settleAll([1, Promise.resolve(2)])).toEqual([1, 2]);
});

describe('each alone', () => {
  test('what cannot be read fails in its place, the others are sent together', async () => {
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

  test('what is no item’s failure is everybody’s', async () => {
    const broken = () => {
      throw new TypeError('a bug');
    };
    await expect(sendValidItems([1], broken, async () => [])).rejects.toThrow('a bug');
    const lost = new DevstateError('CONNECTION', 'lost');
    await expect(sendValidItems([1], odd, () => Promise.reject(lost))).rejects.toBe(lost);
    await expect(itemFailure(Promise.reject(lost))).rejects.toBe(lost);
    const own = usageError('own');
    expect(await itemFailure(Promise.reject(own))).toBe(own);
    expect(() => unwrapOne([own])).toThrow(own);
  });
});

describe('runs', () => {
  const split = (text: string) => {
    const items = [...text].map((id) => ({ id: id.toLowerCase(), alone: id !== id.toLowerCase() }));
    return [...splitAtRepeats(items, ({ alone }) => alone)].map((run) =>
      run.map(({ id, alone }) => (alone ? id.toUpperCase() : id)).join(''),
    );
  };

  // A capital may be sent later, and what is sent with it too.
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
  ])('%s', (items, expected) => {
    expect(split(items)).toEqual(expected);
  });

  test('never let an item overtake an earlier one of its device, however late some of their parts are sent', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...'abcABC')), fc.integer({ min: 1, max: 4 }), (letters, size) => {
        const order = split(letters.join('')).flatMap((run) => {
          const parts = Array.from({ length: Math.ceil(run.length / size) }, (_, i) =>
            run.slice(i * size, (i + 1) * size),
          );
          const isLate = (part: string) => part !== part.toLowerCase();
          return [...parts.filter((part) => !isLate(part)), ...parts.filter(isLate)];
        });
        const of = (text: string, id: string) => [...text].filter((item) => item.toLowerCase() === id);
        for (const id of 'abc') expect(of(order.join(''), id)).toEqual(of(letters.join(''), id));
      }),
    );
  });
});
