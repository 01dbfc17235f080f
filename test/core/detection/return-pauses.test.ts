/** How long a device that comes and goes is left alone. */
import { expect, test } from 'vitest';
import { ReturnPauses } from '../../../src/core/detection/return-pauses.js';

function withClock() {
  const clock = { now: 0 };
  return { clock, pauses: new ReturnPauses(() => clock.now) };
}

/** The pause after each of several returns, each of which comes at the end of the pause before. */
function pausesOf(count: number): number[] {
  const { clock, pauses } = withClock();
  return Array.from({ length: count }, () => {
    pauses.add('d');
    const begin = clock.now;
    while (pauses.isPaused('d')) clock.now += 500;
    return clock.now - begin;
  });
}

test('the pause doubles from 1 s to 60 s with each return', () => {
  expect(pausesOf(9)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test('10 minutes after its last return a device begins anew', () => {
  const { clock, pauses } = withClock();
  pauses.add('d');
  pauses.add('d');
  clock.now = 599_999;
  pauses.add('d');
  clock.now += 3999;
  expect(pauses.isPaused('d')).toBe(true);
  clock.now += 600_000;
  pauses.add('d');
  clock.now += 1000;
  expect(pauses.isPaused('d')).toBe(false);
});

test('a device that never returned is not paused, and one device does not pause another', () => {
  const { pauses } = withClock();
  pauses.add('d');
  expect(pauses.isPaused('other')).toBe(false);
});

test('of more than 10,000 devices the oldest are forgotten', () => {
  const { pauses } = withClock();
  for (let i = 0; i <= 10_000; i++) pauses.add(`d${i}`);
  expect([pauses.isPaused('d0'), pauses.isPaused('d1'), pauses.isPaused('d10000')]).toEqual([
    false,
    true,
    true,
  ]);
});
