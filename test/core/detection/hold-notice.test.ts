/** The holds of several partitions, which start and end at different times, are reported as one. */
import { expect, test } from 'vitest';
import { HoldNotice } from '../../../src/core/detection/hold-notice.js';

function watch(partitions: number) {
  const said: (string | number)[] = [];
  const hold = new HoldNotice(
    { onHold: (until) => said.push(until), onHoldEnd: () => said.push('over') },
    partitions,
  );
  const see = (partition: number, now: number, holdUntil: number) =>
    hold.update(partition, { now, holdUntil });
  return { said, see, miss: (partition: number) => hold.skip(partition) };
}

test('of one partition: reports the start at once, each extension, and the end once', () => {
  const { said, see } = watch(1);
  see(0, 5, 0);
  for (const [now, until] of [
    [10, 20],
    [11, 20],
    [12, 30],
    [20, 30],
    [31, 30],
    [32, 30],
  ] as const)
    see(0, now, until);
  expect(said).toEqual([20, 30, 'over']);
});

test('of several partitions: reports the latest end after all were asked, and the end when all have ended', () => {
  const { said, see, miss } = watch(4);
  for (const partition of [0, 1, 2, 3]) see(partition, 5, 0);
  see(1, 10, 20);
  see(1, 10, 20);
  see(0, 10, 0);
  miss(3);
  expect(said).toEqual([]);
  see(2, 11, 24);
  expect(said).toEqual([24]);
  see(1, 21, 20);
  see(3, 22, 23);
  see(2, 25, 24);
  expect(said).toEqual([24]);
  see(3, 25, 23);
  expect(said).toEqual([24, 'over']);
});

test('reports an extension by another outage once, after all partitions were asked again', () => {
  const { said, see } = watch(3);
  for (const partition of [0, 1, 2]) see(partition, 10, 20);
  for (const partition of [0, 1, 2]) see(partition, 15, 40 + partition);
  for (const partition of [0, 1, 2]) see(partition, 16, 40 + partition);
  expect(said).toEqual([20, 42]);
  for (const partition of [0, 1, 2]) see(partition, 50, 40);
  expect(said).toEqual([20, 42, 'over']);
});

test('reports nothing of a hold that ended before all partitions were asked', () => {
  const { said, see } = watch(2);
  see(0, 10, 11);
  see(0, 12, 11);
  see(1, 12, 0);
  see(1, 20, 30);
  see(0, 20, 11);
  expect(said).toEqual([30]);
});
