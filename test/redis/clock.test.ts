/** The estimate of a server's clock, from replies that were on their way for some time. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Clock } from '../../src/redis/clock.js';

let now = 0;
let clock: Clock;
beforeEach(() => {
  now = 1000;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  clock = new Clock();
});
afterEach(() => void vi.restoreAllMocks());

/** A reply that takes `backMs` back, after the server, `aheadMs` ahead of this process, read its clock. */
function reply(aheadMs: number, backMs: number, forthMs = 0): void {
  const sentAt = now;
  const serverTime = sentAt + forthMs + aheadMs;
  now += forthMs + backMs;
  clock.renew(serverTime, sentAt);
}

test('tells no time before a reply and after a reset', () => {
  expect(clock.timeAt(now)).toBeUndefined();
  reply(5000, 3);
  expect(clock.timeAt(now)).toBe(6000);
  clock.reset();
  expect(clock.timeAt(now)).toBeUndefined();
});

test('is early by the way of the fastest reply, never late', () => {
  reply(5000, 40);
  expect(clock.timeAt(now)).toBe(now + 5000 - 40);
  reply(5000, 2, 60);
  expect(clock.timeAt(now)).toBe(now + 5000 - 2);
  reply(5000, 300, 10);
  expect(clock.timeAt(now)).toBe(now + 5000 - 2);
});

test.each([3_600_000, -3_600_000, 500, -500])('follows a server whose clock is set by %i ms', (ms) => {
  reply(5000, 2);
  reply(5000 + ms, 3);
  expect(clock.timeAt(now)).toBe(now + 5000 + ms - 3);
});

test('the age is the time since the newest reply', () => {
  reply(5000, 2);
  now += 700;
  expect(clock.ageMs).toBe(700);
  reply(5000, 300);
  expect(clock.ageMs).toBe(0);
});
