/** Calls of one tick of the event loop are sent together, and each gets its own result. */
import { setImmediate as tick } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { TickBatcher } from '../../../src/core/async/tick-batcher.js';

test('calls of one tick are sent together, a call of a later tick alone', async () => {
  const sent: number[][] = [];
  const batcher = new TickBatcher<number, number>(async (items) => {
    sent.push(items);
    await tick();
    return items.map((item) => item * 10);
  });
  expect(await Promise.all([1, 2, 3].map((item) => batcher.add(item)))).toEqual([10, 20, 30]);
  expect(await batcher.add(4)).toBe(40);
  expect(sent).toEqual([[1, 2, 3], [4]]);
});

test('concurrent callers stay in one batch, round after round', async () => {
  const sizes: number[] = [];
  const batcher = new TickBatcher<number, number>(async (items) => {
    sizes.push(items.length);
    await tick();
    return items;
  });
  const caller = async () => {
    for (let round = 0; round < 10; round++) await batcher.add(round);
  };
  await Promise.all(Array.from({ length: 50 }, caller));
  expect(sizes).toEqual(Array(10).fill(50));
});

test('an error of one item rejects one call; if sending fails, all calls reject', async () => {
  const refused = new Error('refused');
  const batcher = new TickBatcher<number, number>(async (items) => {
    if (items.includes(0)) throw new Error('lost');
    return items.map((item) => (item === 2 ? refused : item));
  });
  const outcomes = (items: number[]) => Promise.allSettled(items.map((item) => batcher.add(item)));
  expect((await outcomes([1, 2, 3])).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  expect((await outcomes([0, 1])).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});
