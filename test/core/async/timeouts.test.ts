/** Who answers is served, whoever else is silent. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { whileTheyCome, within } from '../../../src/core/async/timeouts.js';

const never = new Promise<never>(() => {});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

test('what comes in time, how it fails, and nothing of what does not come', async () => {
  expect(await within(100, Promise.resolve('done'))).toBe('done');
  await expect(within(100, Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  const late = within(100, never);
  await vi.advanceTimersByTimeAsync(100);
  expect(await late).toBeUndefined();
});

test('several: the first is waited for, then each further one for so long', async () => {
  const comes: (() => void)[] = [];
  const works = [0, 1, 2].map(() => new Promise<void>((resolve) => comes.push(resolve)));
  const over = vi.fn();
  void whileTheyCome(100, works).then(over);
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
  await whileTheyCome(100, []);
  await whileTheyCome(100, [Promise.resolve(), Promise.resolve()]);
});
