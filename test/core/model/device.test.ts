import { describe, expect, test } from 'vitest';
import { validId, validType } from '../../../src/core/model/device.js';
import { ODD_IDS } from '../../support/fleet.js';

describe.each([
  ['an id', validId],
  ['a type', validType],
])('%s', (_, valid) => {
  test.each([...ODD_IDS, 'a b', '%', '*', '🚀', 'x'.repeat(256), '温'.repeat(85)])('may be %s', (name) => {
    expect(valid(name)).toBe(name);
  });

  test.each([
    ['empty', '', 'must not be empty'],
    ['with a line end', 'a\nb', 'control characters: "a\\nb"'],
    ['with a NUL', '\u0000', 'control characters'],
    ['with a C1 control', 'a\u0085b', 'control characters'],
    ['with white space before', ' a', 'begin or end with white space'],
    ['with white space after', 'a\u3000', 'begin or end with white space'],
    ['half a character', 'a\ud83d', 'valid UTF-8'],
    ['of 257 bytes', 'x'.repeat(257), '256 bytes'],
    ['of 86 characters in 258 bytes', '温'.repeat(86), '256 bytes'],
    ['a number', 7 as unknown as string, 'must be a string'],
  ])('is not %s', (_what, name, why) => {
    expect(() => valid(name)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(why) }),
    );
  });
});

test('an id is not "-", which stands for standard input; a type may be', () => {
  expect(() => validId('-')).toThrow(
    expect.objectContaining({ code: 'USAGE', hint: 'it stands for standard input' }),
  );
  expect(validType('-')).toBe('-');
});

test('the error about a name without an end has one', () => {
  for (const name of ['x'.repeat(1_000_000), '\n'.repeat(1_000_000), ' x'.repeat(1_000_000)]) {
    expect(() => validId(name)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(/^.{0,600}$/s) }),
    );
  }
});
