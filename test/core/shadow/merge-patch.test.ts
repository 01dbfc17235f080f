/** Merge patches, the differences of two documents, and the delta of a device. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJsonObject, toJson } from '../../../src/core/model/json.js';
import { jsonEqual } from '../../../src/core/model/json-equality.js';
import { changes, diffPatch } from '../../../src/core/shadow/changes.js';
import { computeDelta } from '../../../src/core/shadow/delta.js';
import { mergePatch } from '../../../src/core/shadow/merge-patch.js';
import { APPENDIX_A } from '../../support/rfc7396.js';

const merge = (target: string, patch: string) =>
  toJson(mergePatch(parseJsonObject(target), parseJsonObject(patch)));

const delta = (desired: string, reported: string) => {
  const { inSync, delta, patch } = computeDelta(parseJsonObject(desired), parseJsonObject(reported));
  return { inSync, delta: toJson(delta), patch: toJson(patch) };
};

/** JSON objects as text. Arrays may always contain null; objects only if `nulls` is true. */
function objects(nulls: boolean): fc.Arbitrary<string> {
  const key = fc.constantFrom('"a"', '"b"', '"c"', '"__proto__"', '"toString"');
  const scalar = fc.constantFrom('1', '1.0', '1e400', '"x"', 'true', ...(nulls ? ['null'] : []));
  const { object } = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, scalar, tie('array'), tie('object')),
    array: fc
      .array(fc.oneof(fc.constant('null'), tie('value')), { maxLength: 2 })
      .map((items) => `[${items}]`),
    object: fc
      .uniqueArray(fc.tuple(key, tie('value')), { selector: ([name]) => name, maxLength: 4 })
      .map((members) => `{${members.map((member) => member.join(':'))}}`),
  }));
  return object;
}

describe('merge patch (RFC 7396, Appendix A, object targets)', () => {
  test.each(APPENDIX_A)('%s with %s is %s', (target, patch, merged) => {
    expect(merge(target, patch)).toBe(merged);
  });

  test('does not change its arguments', () => {
    const [target, patch] = [parseJsonObject('{"a":{"b":1}}'), parseJsonObject('{"a":{"c":null,"d":2}}')];
    mergePatch(target, patch);
    expect([toJson(target), toJson(patch)]).toEqual(['{"a":{"b":1}}', '{"a":{"c":null,"d":2}}']);
  });

  test('treats the key __proto__ like any other', () => {
    expect(merge('{"a":1}', '{"__proto__":{"x":1}}')).toBe('{"a":1,"__proto__":{"x":1}}');
    expect(merge('{"__proto__":1}', '{"__proto__":null}')).toBe('{}');
  });

  test('applied twice gives the same as applied once', () => {
    fc.assert(
      fc.property(
        objects(false),
        objects(true),
        (target, patch) => merge(merge(target, patch), patch) === merge(target, patch),
      ),
    );
  });
});

describe('changes and diffPatch', () => {
  test('diffPatch merged into the first document gives the second, if neither contains null', () => {
    fc.assert(
      fc.property(objects(false), objects(false), (from, to) => {
        const [before, after] = [parseJsonObject(from), parseJsonObject(to)];
        expect(jsonEqual(mergePatch(before, diffPatch(before, after)), after)).toBe(true);
      }),
    );
  });

  test('changes has the path of each difference, also of removed keys', () => {
    const list = changes(
      parseJsonObject('{"a":{"b":1,"c":2},"d":1}'),
      parseJsonObject('{"a":{"b":1.0,"c":3},"e":[]}'),
    );
    expect(
      list.map(({ path, from, to }) => `${path.join('.')}: ${from && toJson(from)} > ${to && toJson(to)}`),
    ).toEqual(['a.c: 2 > 3', 'e: undefined > []', 'd: 1 > undefined']);
  });
});

describe('delta', () => {
  test.each([
    ['a key only in reported is no difference', '{"a":1}', '{"a":1,"b":2}'],
    ['numbers are compared by value', '{"a":1,"b":[0.10]}', '{"a":1.0,"b":[1e-1]}'],
    ['the order of keys does not matter', '{"a":{"b":1,"c":2}}', '{"a":{"c":2,"b":1}}'],
    ['a key only in a nested reported object is no difference', '{"a":{"b":1}}', '{"a":{"b":1,"c":2}}'],
    ['a key that is desired null is absent', '{"a":null,"b":{"c":null}}', '{"b":{}}'],
    ['nothing is desired', '{}', '{"a":1}'],
  ])('in sync: %s', (_why, desired, reported) => {
    expect(delta(desired, reported)).toEqual({ inSync: true, delta: '{}', patch: '{}' });
  });

  test.each([
    ['{"a":1}', '{}', '{"a":{"desired":1,"reported":null}}', '{"a":1}'],
    [
      '{"a":{"b":1,"c":2}}',
      '{"a":{"b":1,"c":3,"d":4}}',
      '{"a":{"desired":{"b":1,"c":2},"reported":{"b":1,"c":3,"d":4}}}',
      '{"a":{"c":2}}',
    ],
    ['{"a":[1,2]}', '{"a":[1]}', '{"a":{"desired":[1,2],"reported":[1]}}', '{"a":[1,2]}'],
    ['{"a":{}}', '{"a":1}', '{"a":{"desired":{},"reported":1}}', '{"a":{}}'],
    [
      '{"a":12345678901234567890}',
      '{"a":12345678901234567891}',
      '{"a":{"desired":12345678901234567890,"reported":12345678901234567891}}',
      '{"a":12345678901234567890}',
    ],
    ['{"toString":1}', '{}', '{"toString":{"desired":1,"reported":null}}', '{"toString":1}'],
    ['{"a":null}', '{"a":1}', '{"a":{"desired":null,"reported":1}}', '{"a":null}'],
  ])('desired %s, reported %s', (desired, reported, expected, patch) => {
    expect(delta(desired, reported)).toEqual({ inSync: false, delta: expected, patch });
  });

  test('is in sync after its patch is merged into the reported state', () => {
    fc.assert(
      fc.property(objects(true), objects(true), (desired, reported) => {
        const { patch } = computeDelta(parseJsonObject(desired), parseJsonObject(reported));
        expect(delta(desired, toJson(mergePatch(parseJsonObject(reported), patch)))).toMatchObject({
          inSync: true,
        });
      }),
    );
  });
});
