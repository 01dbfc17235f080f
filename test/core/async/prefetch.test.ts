import { expect, test } from 'vitest';
import { prefetch } from '../../../src/core/async/prefetch.js';

/** Counts to `end`, noting what it was asked for and whether it was told to end. */
function counter(end: number, log: string[] = []) {
  async function* count() {
    try {
      for (let n = 1; n <= end; n++) {
        log.push(`make ${n}`);
        yield n;
      }
      log.push('done');
    } finally {
      log.push('closed');
    }
  }
  return { items: count(), log };
}

test('the next is made while the last is worked at, and no more than one', async () => {
  const { items, log } = counter(3);
  for await (const n of prefetch(items)) {
    await Promise.resolve();
    log.push(`work at ${n}`);
  }
  expect(log).toEqual([
    ...['make 1', 'make 2', 'work at 1', 'make 3', 'work at 2', 'done', 'closed', 'work at 3'],
  ]);
});

test('who ends early closes the source', async () => {
  const { items, log } = counter(10);
  for await (const n of prefetch(items)) if (n === 2) break;
  await Promise.resolve();
  expect(log).toEqual(['make 1', 'make 2', 'make 3', 'closed']);
});

test('a failure comes in its place, not before what was made first', async () => {
  async function* failing() {
    yield 1;
    yield 2;
    throw new Error('no third');
  }
  const seen: number[] = [];
  const all = async () => {
    for await (const n of prefetch(failing())) seen.push(n);
  };
  await expect(all()).rejects.toThrow('no third');
  expect(seen).toEqual([1, 2]);
});

test('who ends early does not wait for what never comes', async () => {
  async function* typed() {
    yield 1;
    await new Promise(() => {});
  }
  for await (const n of prefetch(typed())) if (n === 1) break;
});
