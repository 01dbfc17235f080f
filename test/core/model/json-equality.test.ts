import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../../src/core/model/json.js';
import { canonicalNumber, jsonEqual } from '../../../src/core/model/json-equality.js';

const equal = (a: string, b: string) => jsonEqual(parseJson(a), parseJson(b));

describe('equality of JSON values', () => {
  test.each([
    ['1', '1.0'],
    ['1', '1e0'],
    ['1', '10e-1'],
    ['-0', '0.00'],
    ['1e400', '10E+399'],
    ['100', '1e2'],
  ])('numbers are equal by value: %s equals %s', (a, b) => {
    expect(equal(a, b)).toBe(true);
    expect(canonicalNumber(a)).toBe(canonicalNumber(b));
  });

  test.each([
    ['12345678901234567890', '12345678901234567891'],
    ['1e400', '1e401'],
    ['1', '-1'],
    ['1', '"1"'],
    ['0', 'false'],
    ['0', 'null'],
    ['[1,2]', '[2,1]'],
    ['[1]', '[1,1]'],
    ['{"a":null}', '{}'],
    ['{}', '[]'],
    ['{}', 'null'],
    ['{"__proto__":1}', '{"a":1}'],
  ])('%s does not equal %s', (a, b) => {
    expect(equal(a, b)).toBe(false);
    expect(equal(b, a)).toBe(false);
  });

  test('the order of keys makes no difference', () => {
    expect(equal('{"a":1,"b":{"c":[1.0]}}', '{"b":{"c":[1]},"a":1e0}')).toBe(true);
  });

  test('two numbers are equal if and only if JavaScript’s numbers are (for short numbers)', () => {
    const number = fc
      .tuple(fc.integer(), fc.integer({ min: -5, max: 5 }))
      .map(([digits, e]) => `${digits}e${e}`);
    fc.assert(fc.property(number, number, (a, b) => equal(a, b) === (Number(a) === Number(b))));
  });
});

test('canonicalNumber takes linear time on a number of many zeros', () => {
  const digits = `1${'0'.repeat(500_000)}1`;
  expect(canonicalNumber(`${digits}000`)).toBe(`${digits}e3`);
});
