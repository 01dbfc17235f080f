/** Waiting ends in time, and leaves no timer behind. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { settleWithStragglerTimeout, withTimeout } from '../../../src/core/async/timeouts.js';

const never = new Promise<never>(() => {});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

test('withTimeout gives the result or the failure in time, else undefined', async () => {
  expect(await withTimeout(100, Promise.resolve('done'))).toBe('done');
  await expect(withTimeout(100, Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  const late = withTimeout(100, never);
  await vi.advanceTimersByTimeAsync(100);
  expect(await late).toBeUndefined();
});

test('settleWithStragglerTimeout waits for the first work without a limit, then at most 100 ms for each next one', async () => {
  const complete: (() => void)[] = [];
  const works = [0, 1, 2].map(() => new Promise<void>((resolve) => complete.push(resolve)));
  const over = vi.fn();
  void settleWithStragglerTimeout(100, works).then(over);
  await vi.advanceTimersByTimeAsync(10_000);
  complete[1]?.();
  await vi.advanceTimersByTimeAsync(99);
  complete[0]?.();
  await vi.advanceTimersByTimeAsync(99);
  expect(over).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(over).toHaveBeenCalledOnce();
  complete[2]?.();
  await vi.advanceTimersByTimeAsync(0);
});

test('settleWithStragglerTimeout returns at once if no work is pending', async () => {
  await settleWithStragglerTimeout(100, []);
  await settleWithStragglerTimeout(100, [Promise.resolve(), Promise.resolve()]);
});
