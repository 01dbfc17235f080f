/** What was read is shared, kept for its time, and beyond it while it cannot be read again. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CachedValue } from '../../../src/core/async/cached-value.js';
import { DevstateError } from '../../../src/core/model/errors.js';

const KEPT_MS = 60_000;
const lost = new DevstateError('CONNECTION', 'timed out');
const broken = new DevstateError('BAD_RECORD', 'not a number');

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Numbers the readings. */
function counted(keptFor = KEPT_MS) {
  let count = 0;
  const read = vi.fn(async () => ({ reading: ++count }));
  const kept = new CachedValue(read, () => keptFor);
  return { read, kept, forget: () => kept.invalidate(), reading: async () => (await kept.get()).reading };
}

test('is read once for all who ask meanwhile and within its time', async () => {
  const { reading } = counted();
  expect(await Promise.all([reading(), reading()])).toEqual([1, 1]);
  vi.advanceTimersByTime(KEPT_MS - 1);
  expect(await reading()).toBe(1);
  vi.advanceTimersByTime(1);
  expect(await Promise.all([reading(), reading()])).toEqual([2, 2]);
});

test('kept for no time it is for those alone who ask while it is read', async () => {
  const { read, reading } = counted(0);
  expect(await Promise.all([reading(), reading()])).toEqual([1, 1]);
  read.mockRejectedValueOnce(lost);
  await expect(reading()).rejects.toBe(lost);
  expect(await reading()).toBe(2);
});

test('forgotten, also what is being read', async () => {
  const { forget, reading } = counted();
  const asked = reading();
  forget();
  expect(await Promise.all([asked, reading()])).toEqual([1, 2]);
  expect(await reading()).toBe(2);
});

describe('that cannot be read', () => {
  test('at first: it fails, and is read again', async () => {
    const { read, reading } = counted();
    read.mockRejectedValueOnce(lost);
    await expect(reading()).rejects.toBe(lost);
    expect(await reading()).toBe(1);
  });

  test('again, for a reason that may pass: it stays as it was, and is tried again a second later', async () => {
    const { read, reading } = counted();
    await reading();
    vi.advanceTimersByTime(KEPT_MS);
    read.mockRejectedValueOnce(lost);
    expect([await reading(), await reading()]).toEqual([1, 1]);
    expect(read).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(1000);
    expect(await reading()).toBe(2);
  });

  test('again, for one that does not: it fails', async () => {
    const { read, reading } = counted();
    await reading();
    vi.advanceTimersByTime(KEPT_MS);
    read.mockRejectedValueOnce(broken);
    await expect(reading()).rejects.toBe(broken);
    expect(await reading()).toBe(2);
  });
});

test('who answers late is waited for a moment, asked no second time, and heard in the end', async () => {
  const { read, reading } = counted();
  await reading();
  vi.advanceTimersByTime(KEPT_MS);
  let answer = (_value: { reading: number }) => {};
  read.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)));
  const asked = reading();
  await vi.advanceTimersByTimeAsync(500);
  expect(await asked).toBe(1);
  vi.advanceTimersByTime(3000);
  expect(await reading()).toBe(1);
  expect(read).toHaveBeenCalledTimes(2);
  answer({ reading: 7 });
  await vi.advanceTimersByTimeAsync(0);
  expect(await reading()).toBe(7);
});
