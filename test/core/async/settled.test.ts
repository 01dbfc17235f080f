import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { collectOutcomes, mapConcurrently, settleAll } from '../../../src/core/async/settled.js';

test('settleAll rejects with a failure only when all works are done', async () => {
  const order: string[] = [];
  const slow = new Promise((resolve) => setTimeout(resolve, 20)).then(() => order.push('slow'));
  await settleAll([Promise.reject(new Error('failed')), slow]).catch(() => order.push('rejected'));
  expect(order).toEqual(['slow', 'rejected']);
  expect(await settleAll([1, Promise.resolve(2)])).toEqual([1, 2]);
});

test('collectOutcomes returns the values and the errors', async () => {
  const failure = new Error('failed');
  expect(await collectOutcomes([Promise.resolve(1), Promise.reject(failure), Promise.resolve(2)])).toEqual({
    values: [1, 2],
    failures: [failure],
  });
});

test('mapConcurrently returns results in the order of the items, whatever ends first', async () => {
  let running = 0;
  let mostRunning = 0;
  const results = await mapConcurrently(
    [5, 1, 4, 2, 3],
    async (turns) => {
      mostRunning = Math.max(mostRunning, ++running);
      for (let i = 0; i < turns; i++) await turn();
      running -= 1;
      return turns * 10;
    },
    2,
  );
  expect(results).toEqual([50, 10, 40, 20, 30]);
  expect(mostRunning).toBe(2);
});

test('mapConcurrently rejects with the failure that comes first', async () => {
  const work = async (turns: number) => {
    for (let i = 0; i < turns; i++) await turn();
    throw new Error(`after ${turns}`);
  };
  await expect(mapConcurrently([3, 1], work, 2)).rejects.toThrow('after 1');
});

test('mapConcurrently begins nothing after a failure, and rejects when nothing is running any more', async () => {
  const begun: number[] = [];
  const done: number[] = [];
  const working = mapConcurrently(
    Array.from({ length: 100 }, (_, i) => i),
    async (i) => {
      begun.push(i);
      await turn();
      if (i === 3) throw new Error('the fourth');
      for (let turns = 0; turns < 5; turns++) await turn();
      done.push(i);
    },
    8,
  );
  await expect(working).rejects.toThrow('the fourth');
  expect(begun.length).toBeLessThan(20);
  expect(done).toEqual(begun.filter((i) => i !== 3));
  await turn();
  expect(begun.length).toBe(done.length + 1);
});
