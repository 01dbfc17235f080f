import { getEventListeners } from 'node:events';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { WakeSignal } from '../../../src/core/async/wake-signal.js';

const LONG = 2 ** 31 - 1;

describe('a doorbell', () => {
  test('wakes who waits', async () => {
    const bell = new WakeSignal(undefined);
    const waiting = bell.wait(LONG);
    bell.wake();
    await waiting;
    expect(bell.stopped).toBe(false);
  });

  test('keeps a ring while nobody waits, and only one', async () => {
    const bell = new WakeSignal(undefined);
    bell.wake();
    bell.wake();
    await bell.wait(LONG);
    let woken = false;
    const waiting = bell.wait(LONG).then(() => {
      woken = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(woken).toBe(false);
    bell.wake();
    await waiting;
  });

  test('goes off by itself when the time is up', async () => {
    await new WakeSignal(undefined).wait(1);
  });

  test('is rung by the end, before or while somebody waits', async () => {
    const end = new AbortController();
    const bell = new WakeSignal(end.signal);
    const waiting = bell.wait(LONG);
    end.abort();
    await waiting;
    expect(bell.stopped).toBe(true);
    await new WakeSignal(end.signal).wait(0);
    expect(new WakeSignal(end.signal).stopped).toBe(true);
  });

  test('waits for work after the end no longer than the grace, counted from there', async () => {
    const end = new AbortController();
    const bell = new WakeSignal(end.signal);
    expect(await bell.orAborted(Promise.resolve('done'), 50)).toBe('done');
    const never = new Promise<string>(() => {});
    end.abort();
    const asked = performance.now();
    expect(await bell.orAborted(Promise.resolve('done'), 200)).toBe('done');
    expect(await bell.orAborted(never, 200)).toBeUndefined();
    expect(performance.now() - asked).toBeGreaterThan(150);
    const again = performance.now();
    expect(await bell.orAborted(never, 200)).toBeUndefined();
    expect(performance.now() - again).toBeLessThan(100);
  });

  test('what came of work before the end leaves no timer behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const end = new AbortController();
    const bell = new WakeSignal(end.signal);
    await bell.orAborted(Promise.resolve('done'), 400);
    end.abort();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('rests its time, whatever rings, and no longer than to the end', async () => {
    const end = new AbortController();
    const bell = new WakeSignal(end.signal);
    bell.wake();
    const begun = performance.now();
    const rested = bell.sleep(50);
    setTimeout(() => bell.wake(), 5);
    await rested;
    expect(performance.now() - begun).toBeGreaterThanOrEqual(50);
    const long = bell.sleep(LONG);
    end.abort();
    await long;
    await bell.sleep(LONG);
  });

  test('lets go of the signal when it is closed', () => {
    const { signal } = new AbortController();
    const bell = new WakeSignal(signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    bell.close();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});
