import { describe, expect, test } from 'vitest';
import { validId, validType } from '../../../src/core/model/identifiers.js';
import { ODD_IDS } from '../../support/fleet.js';

describe.each([
  ['a device id', validId],
  ['a device type', validType],
])('%s', (_, valid) => {
  test.each([...ODD_IDS, 'a b', '%', '*', '🚀', 'x'.repeat(256), '温'.repeat(85)])('%s is valid', (name) => {
    expect(valid(name)).toBe(name);
  });

  test.each([
    ['an empty text', '', 'must not be empty'],
    ['a text with a line feed', 'a\nb', 'control characters: "a\\nb"'],
    ['a text with NUL', '\u0000', 'control characters'],
    ['a text with a C1 control character', 'a\u0085b', 'control characters'],
    ['a text that begins with white space', ' a', 'begin or end with white space'],
    ['a text that ends with white space', 'a\u3000', 'begin or end with white space'],
    ['a text with a lone surrogate', 'a\ud83d', 'valid UTF-8'],
    ['a text of 257 bytes', 'x'.repeat(257), '256 bytes'],
    ['a text of 86 characters in 258 bytes', '温'.repeat(86), '256 bytes'],
    ['a number', 7 as unknown as string, 'must be a string'],
  ])('%s is refused', (_what, name, why) => {
    expect(() => valid(name)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(why) }),
    );
  });
});

test('"-" is not a device id, because it stands for standard input; it is a valid type', () => {
  expect(() => validId('-')).toThrow(expect.objectContaining({ code: 'USAGE', reason: 'RESERVED_ID' }));
  expect(validType('-')).toBe('-');
});

test('the error for a very long id is at most 600 characters long', () => {
  for (const name of ['x'.repeat(1_000_000), '\n'.repeat(1_000_000), ' x'.repeat(1_000_000)]) {
    expect(() => validId(name)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(/^.{0,600}$/s) }),
    );
  }
});
