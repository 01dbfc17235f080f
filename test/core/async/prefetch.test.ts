import { expect, test } from 'vitest';
import { prefetch } from '../../../src/core/async/prefetch.js';

/** Yields the numbers from 1 to `end`, and logs what it does. */
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

test('requests one item ahead while the consumer works on the last one', async () => {
  const { items, log } = counter(3);
  for await (const n of prefetch(items)) {
    await Promise.resolve();
    log.push(`work on ${n}`);
  }
  expect(log).toEqual([
    'make 1',
    'make 2',
    'work on 1',
    'make 3',
    'work on 2',
    'done',
    'closed',
    'work on 3',
  ]);
});

test('closes the iterable if the consumer ends early', async () => {
  const { items, log } = counter(10);
  for await (const n of prefetch(items)) if (n === 2) break;
  await Promise.resolve();
  expect(log).toEqual(['make 1', 'make 2', 'make 3', 'closed']);
});

test('yields the items before a failure, then rejects', async () => {
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

test('does not wait for the requested item if the consumer ends early', async () => {
  async function* stuck() {
    yield 1;
    await new Promise(() => {});
  }
  for await (const n of prefetch(stuck())) if (n === 1) break;
});
