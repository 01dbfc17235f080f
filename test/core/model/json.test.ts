import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { getKey, parseJson, parseJsonObject, setKey, toJson } from '../../../src/core/model/json.js';

describe('a JSON document', () => {
  test.each(['12345678901234567890', '1e400', '0.10', '-0', '-1.50E+7', '5e-324'])(
    'keeps the digits of %s',
    (digits) => {
      expect(toJson(parseJson(`{"a":[${digits}]}`))).toBe(`{"a":[${digits}]}`);
    },
  );

  test('is the same value after it was parsed and written', () => {
    fc.assert(
      fc.property(
        fc.json(),
        (text) => JSON.stringify(JSON.parse(toJson(parseJson(text)))) === JSON.stringify(JSON.parse(text)),
      ),
    );
  });

  test('keeps the last value of a duplicate key, and reports the key', () => {
    const duplicates: string[] = [];
    expect(toJson(parseJson('{"a":1,"b":{"c":1,"c":2},"a":3}', (key) => duplicates.push(key)))).toBe(
      '{"a":3,"b":{"c":2}}',
    );
    expect(duplicates).toEqual(['c', 'a']);
  });

  test('may have the key __proto__, which does not change the prototype', () => {
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
  ])('must be an object: %s is refused as %s', (text, what) => {
    expect(() => parseJsonObject(text)).toThrow(`expected a JSON object, not ${what}`);
  });

  test('that is not valid JSON is refused with the position', () => {
    expect(() => parseJsonObject('{"a":1,}')).toThrow(/position 7/);
  });

  test('may be written from plain JavaScript values, bigint included', () => {
    expect(toJson({ a: 12345678901234567890n, b: [1, null, 'x'], c: undefined })).toBe(
      '{"a":12345678901234567890,"b":[1,null,"x"]}',
    );
    expect(() => toJson(undefined)).toThrow('not a JSON value');
  });
});
