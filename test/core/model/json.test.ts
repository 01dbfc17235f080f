import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonicalNumber,
  getKey,
  jsonEqual,
  parseJson,
  parseJsonObject,
  setKey,
  toJson,
} from '../../../src/core/model/json.js';

const equal = (a: string, b: string) => jsonEqual(parseJson(a), parseJson(b));

describe('documents', () => {
  test.each(['12345678901234567890', '1e400', '0.10', '-0', '-1.50E+7', '5e-324'])(
    'keep the digits of %s',
    (digits) => {
      expect(toJson(parseJson(`{"a":[${digits}]}`))).toBe(`{"a":[${digits}]}`);
    },
  );

  test('come out as they went in, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.json(),
        (text) => JSON.stringify(JSON.parse(toJson(parseJson(text)))) === JSON.stringify(JSON.parse(text)),
      ),
    );
  });

  test('of duplicate keys the last wins, and each is told of', () => {
    const told: string[] = [];
    expect(toJson(parseJson('{"a":1,"b":{"c":1,"c":2},"a":3}', (key) => told.push(key)))).toBe(
      '{"a":3,"b":{"c":2}}',
    );
    expect(told).toEqual(['c', 'a']);
  });

  test('may have a key __proto__, which is a key like any other', () => {
    const text = '{"__proto__":{"admin":true},"constructor":1}';
    const parsed = parseJsonObject(text);
    expect(toJson(parsed)).toBe(text);
    expect(getKey(parsed, 'admin')).toBeUndefined();
    expect(getKey(parsed, 'toString')).toBeUndefined();
    const target = parseJsonObject('{}');
    setKey(target, '__proto__', true);
    expect(toJson(target)).toBe('{"__proto__":true}');
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  test.each([
    ['[1]', 'an array'],
    ['null', 'null'],
    ['3', 'a number'],
    ['"x"', 'a string'],
    ['true', 'a boolean'],
  ])('are objects: %s is refused as %s', (text, what) => {
    expect(() => parseJsonObject(text)).toThrow(`expected a JSON object, not ${what}`);
  });

  test('that are no JSON are refused with the position', () => {
    expect(() => parseJsonObject('{"a":1,}')).toThrow(/position 7/);
  });

  test('may come from plain JavaScript values, bigint included', () => {
    expect(toJson({ a: 12345678901234567890n, b: [1, null, 'x'], c: undefined })).toBe(
      '{"a":12345678901234567890,"b":[1,null,"x"]}',
    );
    expect(() => toJson(undefined)).toThrow('not a JSON value');
  });
});

describe('equality', () => {
  test.each([
    ['1', '1.0'],
    ['1', '1e0'],
    ['1', '10e-1'],
    ['-0', '0.00'],
    ['1e400', '10E+399'],
    ['100', '1e2'],
  ])('goes by value: %s is %s', (a, b) => {
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
  ])('tells %s from %s', (a, b) => {
    expect(equal(a, b)).toBe(false);
    expect(equal(b, a)).toBe(false);
  });

  test('does not mind the order of keys', () => {
    expect(equal('{"a":1,"b":{"c":[1.0]}}', '{"b":{"c":[1]},"a":1e0}')).toBe(true);
  });

  test('of numbers is that of their values', () => {
    const number = fc
      .tuple(fc.integer(), fc.integer({ min: -5, max: 5 }))
      .map(([digits, e]) => `${digits}e${e}`);
    fc.assert(fc.property(number, number, (a, b) => equal(a, b) === (Number(a) === Number(b))));
  });
});
