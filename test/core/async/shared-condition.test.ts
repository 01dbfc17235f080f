import { expect, test } from 'vitest';
import { SharedCondition } from '../../../src/core/async/shared-condition.js';

test('starts with the first part and ends with the last', () => {
  const condition = new SharedCondition<string>();
  expect(condition.isActive).toBe(false);
  expect([condition.begin('a'), condition.begin('b')]).toEqual([true, false]);
  expect(condition.end('a')).toBe(false);
  expect(condition.isActive).toBe(true);
  expect(condition.end('b')).toBe(true);
  expect(condition.isActive).toBe(false);
});

test('starts again after its end', () => {
  const condition = new SharedCondition<string>();
  condition.begin('a');
  condition.end('a');
  expect([condition.begin('b'), condition.end('b')]).toEqual([true, true]);
});

test('counts a part once, however often it begins', () => {
  const condition = new SharedCondition<string>();
  expect([condition.begin('a'), condition.begin('a')]).toEqual([true, false]);
  expect([condition.end('a'), condition.end('a')]).toEqual([true, false]);
});

test('does not end with a part that did not have it', () => {
  const condition = new SharedCondition<string>();
  expect(condition.end('a')).toBe(false);
  condition.begin('a');
  expect(condition.end('b')).toBe(false);
  expect(condition.isActive).toBe(true);
});
