/** A value is read once, cached, and used longer if it cannot be read again. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CachedValue } from '../../../src/core/async/cached-value.js';
import { DevstateError } from '../../../src/core/model/errors.js';

const CACHED_MS = 60_000;
const lost = new DevstateError('CONNECTION', 'timed out');
const broken = new DevstateError('BAD_RECORD', 'not a number');

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A value that says how often it was read. */
function countedReads(cachedForMs = CACHED_MS) {
  let count = 0;
  const read = vi.fn(async () => ({ count: ++count }));
  const cached = new CachedValue({
    waitMs: 500,
    read,
    cachedForMs: () => cachedForMs,
    isTransient: (error) => error === lost,
  });
  return { read, cached, get: async () => (await cached.get()).count };
}

test('is read once for concurrent callers, and again when its time is over', async () => {
  const { get } = countedReads();
  expect(await Promise.all([get(), get()])).toEqual([1, 1]);
  vi.advanceTimersByTime(CACHED_MS - 1);
  expect(await get()).toBe(1);
  vi.advanceTimersByTime(1);
  expect(await Promise.all([get(), get()])).toEqual([2, 2]);
});

test('that is cached for 0 ms is shared by concurrent callers only', async () => {
  const { read, get } = countedReads(0);
  expect(await Promise.all([get(), get()])).toEqual([1, 1]);
  read.mockRejectedValueOnce(lost);
  await expect(get()).rejects.toBe(lost);
  expect(await get()).toBe(2);
});

test('is read again after invalidate, also if a read was in progress', async () => {
  const { cached, get } = countedReads();
  const pending = get();
  cached.invalidate();
  expect(await Promise.all([pending, get()])).toEqual([1, 2]);
  expect(await get()).toBe(2);
});

describe('a read that fails', () => {
  test('with no value read before: get rejects, and the next get reads again', async () => {
    const { read, get } = countedReads();
    read.mockRejectedValueOnce(lost);
    await expect(get()).rejects.toBe(lost);
    expect(await get()).toBe(1);
  });

  test('with a transient error: get returns the last value, and the value is read again after a second', async () => {
    const { read, get } = countedReads();
    await get();
    vi.advanceTimersByTime(CACHED_MS);
    read.mockRejectedValueOnce(lost);
    expect([await get(), await get()]).toEqual([1, 1]);
    expect(read).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(1000);
    expect(await get()).toBe(2);
  });

  test('with another error: get rejects', async () => {
    const { read, get } = countedReads();
    await get();
    vi.advanceTimersByTime(CACHED_MS);
    read.mockRejectedValueOnce(broken);
    await expect(get()).rejects.toBe(broken);
    expect(await get()).toBe(2);
  });
});

test('a slow read: get returns the last value after 500 ms, no second read begins, and its result is used when it comes', async () => {
  const { read, get } = countedReads();
  await get();
  vi.advanceTimersByTime(CACHED_MS);
  let resolveRead = (_value: { count: number }) => {};
  read.mockReturnValueOnce(new Promise((resolve) => (resolveRead = resolve)));
  const pending = get();
  await vi.advanceTimersByTimeAsync(500);
  expect(await pending).toBe(1);
  vi.advanceTimersByTime(3000);
  expect(await get()).toBe(1);
  expect(read).toHaveBeenCalledTimes(2);
  resolveRead({ count: 7 });
  await vi.advanceTimersByTimeAsync(0);
  expect(await get()).toBe(7);
});
