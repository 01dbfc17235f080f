import { expect, test } from 'vitest';
import { slices } from '../../../src/core/async/slices.js';

test('yields arrays of the given size in order, the last one shorter', () => {
  expect([...slices([1, 2, 3, 4, 5], 2)]).toEqual([[1, 2], [3, 4], [5]]);
});

test('yields one array when the size is not reached, or reached exactly', () => {
  expect([...slices(['a'], 10)]).toEqual([['a']]);
  expect([...slices(['a', 'b'], 2)]).toEqual([['a', 'b']]);
});

test('yields nothing for an empty array', () => {
  expect([...slices([], 3)]).toEqual([]);
});
