import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { toPlainObject } from '../../../src/core/model/plain-json.js';

test.each([
  '{}',
  '{"a":null,"b":true,"c":"text","d":[1,[2,{"e":3}]]}',
  '{"big":12345678901234567890,"huge":1e400,"zero":-0,"decimal":0.10}',
  '{"__proto__":{"a":1},"constructor":2,"toString":{"__proto__":3}}',
  '{"half":"\\ud800"}',
])('equals what JSON.parse returns: %s', (text) => {
  const plain = toPlainObject(parseJsonObject(text));
  expect(plain).toStrictEqual(JSON.parse(text));
  expect(Object.keys(plain)).toEqual(Object.keys(JSON.parse(text)));
});

test('equals what JSON.parse returns for any object', () => {
  const documents = fc
    .dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }))
    .map((value) => JSON.stringify(value));
  fc.assert(
    fc.property(documents, (text) => {
      expect(toPlainObject(parseJsonObject(text))).toStrictEqual(JSON.parse(text));
    }),
  );
});
