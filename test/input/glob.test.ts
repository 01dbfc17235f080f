import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseGlob } from '../../src/input/glob.js';

test.each([
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['*', 'anything', true],
  ['?', '', false],
  ['?', '日', true],
  ['?', '👍', true],
  ['??', '👍', false],
  ['sensor-*', 'sensor-1', true],
  ['sensor-*', 'a-sensor-1', false],
  ['*-1', 'sensor-1', true],
  ['*-1', 'sensor-11', false],
  ['*a*b*', 'xxbxaxb', true],
  ['*a*b*', 'xxbxa', false],
  ['a*?', 'a', false],
  ['a**b', 'ab', true],
  ['[a]+.$', '[a]+.$', true],
  ['*\n*', 'a\nb', true],
  ['A', 'a', false],
])('%j and %j: %s', (glob, text, expected) => {
  expect(parseGlob(glob)(text)).toBe(expected);
});

test('matches as a regular expression does', () => {
  const small = (...units: string[]) => fc.string({ unit: fc.constantFrom(...units), maxLength: 8 });
  fc.assert(
    fc.property(small('a', 'b', '*', '?'), small('a', 'b', '👍'), (glob, text) => {
      const source = glob.replaceAll('*', '.*').replaceAll('?', '.');
      expect(parseGlob(glob)(text)).toBe(new RegExp(`^(?:${source})$`, 'su').test(text));
    }),
    { numRuns: 2000 },
  );
});

test('many stars and a long id take no time', () => {
  const start = performance.now();
  expect(parseGlob('*a*a*a*a*b')('a'.repeat(256))).toBe(false);
  expect(performance.now() - start).toBeLessThan(500);
});
