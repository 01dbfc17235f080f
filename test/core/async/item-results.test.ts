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
  const split = (text: string) =>
    [...splitAtRepeats([...text].map((id) => ({ id })))].map((run) => run.map(({ id }) => id).join(''));

  // A letter is a device.
  test.each([
    ['', []],
    ['abcd', ['abcd']],
    ['aa', ['a', 'a']],
    ['abab', ['ab', 'ab']],
    ['aamab', ['a', 'am', 'ab']],
    ['abcbda', ['abc', 'bda']],
  ])('of %s', (items, expected) => {
    expect(split(items)).toEqual(expected);
  });

  test('keeps all items in order, and no device is twice in a run', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...'abcd')), (letters) => {
        const runs = split(letters.join(''));
        expect(runs.join('')).toBe(letters.join(''));
        for (const run of runs) expect(new Set(run).size).toBe(run.length);
      }),
    );
  });
});
