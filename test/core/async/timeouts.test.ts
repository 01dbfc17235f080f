/** Who answers is served, whoever else is silent. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { settleWithStragglerTimeout, withTimeout } from '../../../src/core/async/timeouts.js';

const never = new Promise<never>(() => {});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

test('what comes in time, how it fails, and nothing of what does not come', async () => {
  expect(await withTimeout(100, Promise.resolve('done'))).toBe('done');
  await expect(withTimeout(100, Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  const late = withTimeout(100, never);
  await vi.advanceTimersByTimeAsync(100);
  expect(await late).toBeUndefined();
});

test('several: the first is waited for, then each further one for so long', async () => {
  const comes: (() => void)[] = [];
  const works = [0, 1, 2].map(() => new Promise<void>((resolve) => comes.push(resolve)));
  const over = vi.fn();
  void settleWithStragglerTimeout(100, works).then(over);
  await vi.advanceTimersByTimeAsync(10_000);
  comes[1]?.();
  await vi.advanceTimersByTimeAsync(99);
  comes[0]?.();
  await vi.advanceTimersByTimeAsync(99);
  expect(over).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(over).toHaveBeenCalledOnce();
  comes[2]?.();
  await vi.advanceTimersByTimeAsync(0);
});

test('all of them, or none: nothing is waited for', async () => {
  await settleWithStragglerTimeout(100, []);
  await settleWithStragglerTimeout(100, [Promise.resolve(), Promise.resolve()]);
});
