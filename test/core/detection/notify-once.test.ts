import { expect, test } from 'vitest';
import { notifyOnce } from '../../../src/core/detection/notify-once.js';

test('passes each message on once', () => {
  const notices: string[] = [];
  const notice = notifyOnce((message) => notices.push(message));
  for (const message of ['a', 'b', 'a', 'b', 'c']) notice(message);
  expect(notices).toEqual(['a', 'b', 'c']);
});

test('forgets its messages after 1000 different ones', () => {
  let count = 0;
  const notice = notifyOnce(() => {
    count += 1;
  });
  for (let round = 0; round < 2; round++) for (let i = 0; i < 1000; i++) notice(`message ${i}`);
  expect(count).toBe(1000);
  notice('one more');
  notice('message 0');
  expect(count).toBe(1002);
});
