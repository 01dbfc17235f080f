/** When held devices are settled again: each when its hold has ended, whatever else becomes due meanwhile. */
import { expect, test } from 'vitest';
import { HeldDevices } from '../../../src/core/detection/held-devices.js';

const NOW = 1_700_000_000_000;

/** Held devices of which all are known, the first hold ending at NOW + 2000. */
function manyHeld(count: number): HeldDevices {
  const held = new HeldDevices(true);
  read(held, NOW - 1);
  held.note({
    verdicts: Array.from({ length: count }, () => 'held'),
    holdEnds: { first: NOW + 2000, last: NOW + 9000 },
  });
  expect(read(held, NOW)).toBe(false);
  return held;
}

/** Reads all due devices at the time `now`. @returns whether the held devices are to be settled again */
function read(held: HeldDevices, now: number, outage = 'a', reached = now - 1): boolean {
  return held.onRead({ now, reached, outage });
}

test('their holds end while other devices become due all the time', () => {
  const held = manyHeld(50_000);
  let again = NOW;
  while (!read(held, again) && again < NOW + 20_000) again += 100;
  expect(again - NOW).toBe(2100);
  expect(held.after).toBe(0);
});

test('they are settled again when the outage is another, and at most once a second if there are many', () => {
  const held = manyHeld(50_000);
  const times: number[] = [];
  for (let now = NOW + 1; now < NOW + 1900; now += 100) if (read(held, now, `${now}`)) times.push(now - NOW);
  expect(times).toEqual([1001]);
});

test('all due devices are read before the first ones are settled again', () => {
  const held = manyHeld(1);
  expect(read(held, NOW + 2001)).toBe(true);
  held.note({ verdicts: ['held'], holdEnds: { first: NOW + 2001, last: NOW + 9000 } });
  expect(read(held, NOW + 2100, 'b', NOW - 500)).toBe(false);
  expect(held.after).toBe(NOW - 500);
  expect(read(held, NOW + 2200, 'c')).toBe(false);
  expect(read(held, NOW + 2300, 'c')).toBe(true);
});

test('while none is held each read returns all due devices: more than it may return can have the same deadline', () => {
  const held = new HeldDevices(true);
  read(held, NOW, 'a', NOW - 500);
  expect(held.after).toBe(0);
});
