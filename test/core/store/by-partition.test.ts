/** Work at many things, a few at once. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { forEachConcurrently } from '../../../src/core/store/by-partition.js';

test('what fails is told once nothing is under way, and nothing else is begun', async () => {
  const begun: number[] = [];
  const done: number[] = [];
  const working = forEachConcurrently(
    Array.from({ length: 100 }, (_, i) => i),
    async (i) => {
      begun.push(i);
      await turn();
      if (i === 3) throw new Error('the fourth');
      for (let turns = 0; turns < 5; turns++) await turn();
      done.push(i);
    },
  );
  await expect(working).rejects.toThrow('the fourth');
  expect(begun.length).toBeLessThan(20);
  expect(done).toEqual(begun.filter((i) => i !== 3));
  await turn();
  expect(begun.length).toBe(done.length + 1);
});
