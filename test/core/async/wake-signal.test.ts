import { getEventListeners } from 'node:events';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { WakeSignal } from '../../../src/core/async/wake-signal.js';

const LONG = 2 ** 31 - 1;

describe('a wake signal', () => {
  test('ends a wait', async () => {
    const wake = new WakeSignal(undefined);
    const waiting = wake.wait(LONG);
    wake.wake();
    await waiting;
    expect(wake.isStopped).toBe(false);
  });

  test('keeps a call of wake while nothing waits, and several as one', async () => {
    const wake = new WakeSignal(undefined);
    wake.wake();
    wake.wake();
    await wake.wait(LONG);
    let woken = false;
    const waiting = wake.wait(LONG).then(() => {
      woken = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(woken).toBe(false);
    wake.wake();
    await waiting;
  });

  test('ends a wait when its time is over', async () => {
    await new WakeSignal(undefined).wait(1);
  });

  test('ends a wait when the signal aborts, or has aborted before', async () => {
    const end = new AbortController();
    const wake = new WakeSignal(end.signal);
    const waiting = wake.wait(LONG);
    end.abort();
    await waiting;
    expect(wake.isStopped).toBe(true);
    await new WakeSignal(end.signal).wait(0);
    expect(new WakeSignal(end.signal).isStopped).toBe(true);
  });

  test('abandons work when the grace after the abort is over', async () => {
    const end = new AbortController();
    const wake = new WakeSignal(end.signal);
    expect(await wake.orAborted(Promise.resolve('done'), 50)).toBe('done');
    const never = new Promise<string>(() => {});
    end.abort();
    const asked = performance.now();
    expect(await wake.orAborted(Promise.resolve('done'), 200)).toBe('done');
    expect(await wake.orAborted(never, 200)).toBeUndefined();
    expect(performance.now() - asked).toBeGreaterThan(150);
    const again = performance.now();
    expect(await wake.orAborted(never, 200)).toBeUndefined();
    expect(performance.now() - again).toBeLessThan(100);
  });

  test('starts no timer for work that was done before the abort', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const end = new AbortController();
    const wake = new WakeSignal(end.signal);
    await wake.orAborted(Promise.resolve('done'), 400);
    end.abort();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('sleeps for the whole time despite calls of wake, but not after the abort', async () => {
    const end = new AbortController();
    const wake = new WakeSignal(end.signal);
    wake.wake();
    const begun = performance.now();
    const rested = wake.sleep(50);
    setTimeout(() => wake.wake(), 5);
    await rested;
    expect(performance.now() - begun).toBeGreaterThanOrEqual(48); // a timer may be early by 1 ms
    const long = wake.sleep(LONG);
    end.abort();
    await long;
    await wake.sleep(LONG);
  });

  test('removes its listener from the signal on close', () => {
    const { signal } = new AbortController();
    const wake = new WakeSignal(signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    wake.close();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});
