import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../../src/core/model/json.js';
import { valueDigest } from '../../../src/core/model/json-digest.js';
import { jsonEqual } from '../../../src/core/model/json-equality.js';

test.each([
  ['{"a":1,"b":2}', ' { "b" : 2.0 ,\n"a":1e0 } '],
  ['{"a":100}', '{"a":1E+2}'],
  ['{"a":0.10}', '{"a":1e-1}'],
  ['{"a":-0}', '{"a":0.000}'],
  ['{"a":12345678901234567890.0}', '{"a":1234567890123456789e1}'],
  ['{"a":1e400}', '{"a":10e399}'],
  ['{"é/\\n":"1"}', '{"\\u00e9\\/\\u000a":"\\u0031"}'],
  ['{"a":{"x":[1,{"p":1,"q":2}],"y":null}}', '{"a":{"y":null,"x":[1,{"q":2,"p":1}]}}'],
  ['{}', '{ }'],
  ['{"a":[]}', '{"a":[ ]}'],
])('%s and %s are equal by value and have the same digest', (one, other) => {
  expect(jsonEqual(parseJson(one), parseJson(other))).toBe(true);
  expect(valueDigest(one)).toMatch(/^\w{1,7}$/);
  expect(valueDigest(other)).toBe(valueDigest(one));
});

test.each([
  ['{"a":1}', '{"a":-1}'],
  ['{"a":1}', '{"a":10}'],
  ['{"a":1}', '{"a":"1"}'],
  ['{"a":101}', '{"a":11}'],
  ['{"a":1}', '{"b":1}'],
  ['{"a":1,"b":2}', '{"a":2,"b":1}'],
  ['{"a":"x","b":"y"}', '{"a":"y","b":"x"}'],
  ['{"a":[1,2]}', '{"a":[2,1]}'],
  ['{"a":[[1],2]}', '{"a":[1,[2]]}'],
  ['{"a":{}}', '{"a":[]}'],
  ['{"a":{"b":1},"c":2}', '{"a":{"c":2},"b":1}'],
  ['{"a":true}', '{"a":false}'],
  ['{"a":null}', '{}'],
  ['{"a":12345678901234567890}', '{"a":12345678901234567891}'],
])('%s and %s have different digests', (one, other) => {
  expect(valueDigest(one)).not.toBe(valueDigest(other));
});

test.each([
  '',
  '{',
  '{"a"}',
  '{"a":}',
  '{"a":1 "b":2}',
  '{"a":"x',
  '{"a":"\\x"}',
  '{"a":-}',
  '{"a":1e}',
  '{"a":1e9999999999}',
  '{"a":1,"a":2}',
  '{"a":1,"\\u0061":2}',
  `{${Array.from({ length: 65 }, (_, i) => `"k${i}":1`).join(',')}}`,
])('%s has no digest', (text) => {
  expect(valueDigest(text)).toBe('');
});

describe('any two documents', () => {
  const documents = fc.dictionary(
    fc.string({ maxLength: 3 }),
    fc.jsonValue({ maxDepth: 3, noUnicodeString: false }),
    { maxKeys: 5 },
  );

  test('that are equal by value have the same digest', () => {
    fc.assert(
      fc.property(documents, (value) => {
        const text = JSON.stringify(value);
        expect(valueDigest(respell(value))).toBe(valueDigest(text));
      }),
    );
  });

  test('of which one differs in a number have different digests', () => {
    fc.assert(
      fc.property(documents, fc.integer(), fc.integer(), (value, a, b) => {
        const [one, other] = [a, b].map((n) => valueDigest(JSON.stringify({ ...value, n: [n] })));
        expect(one === other).toBe(a === b);
      }),
    );
  });
});

/** Another spelling of a value: its keys in reverse, and numbers, characters and white space written otherwise. */
function respell(value: unknown): string {
  if (Array.isArray(value)) return `[ ${value.map(respell).join(' ,')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, inner]) => `${respell(key)}\n:${respell(inner)}`);
    return `{ ${members.reverse().join(', ')} }`;
  }
  if (typeof value === 'number') return Object.is(value, -0) ? '0.0' : value.toExponential();
  if (typeof value !== 'string') return String(value);
  const escaped = Array.from({ length: value.length }, (_, i) =>
    value.charCodeAt(i).toString(16).padStart(4, '0'),
  );
  return `"${escaped.map((code) => `\\u${code}`).join('')}"`;
}
