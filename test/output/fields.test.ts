import { describe, expect, it } from 'vitest';
import { parseJson } from '../../src/core/model/json.js';
import { formatField, parseFields, project, splitFields } from '../../src/output/fields.js';
import { formatJson } from '../../src/output/formatter.js';

const row = {
  id: 'd1',
  seen: null,
  state: parseJson(
    '{"a":{"b":1.10,"x.y":"z"},"list":[true,{"k":2}],"s":"text","__proto__":{"own":1},"n":null}',
  ),
};
const KNOWN = ['id', 'seen', 'state'];

describe('fields', () => {
  it('splits at commas that are not escaped', () => {
    expect(splitFields('id, state.a')).toEqual(['id', 'state.a']);
    expect(splitFields('state.a\\,b')).toEqual(['state.a\\,b']);
    expect(splitFields('a\\\\,b')).toEqual(['a\\\\', 'b']);
  });

  it.each([['nope'], ['nope.id'], [''], ['__proto__'], ['ID']])('refuses %j and lists the names', (text) => {
    expect(() => parseFields([text], KNOWN)).toThrowError(
      expect.objectContaining({
        code: 'USAGE',
        message: expect.stringContaining('there are id, seen, state'),
      }),
    );
  });

  it.each([
    ['id', '"d1"', 'd1'],
    ['seen', 'null', '-'],
    ['state.a.b', '1.10', '1.10'],
    ['state.a', '{"b":1.10,"x.y":"z"}', '{"b":1.10,"x.y":"z"}'],
    ['state.a.x\\.y', '"z"', 'z'],
    ['state.list.0', 'true', 'true'],
    ['state.list.1.k', '2', '2'],
    ['state.s', '"text"', 'text'],
    ['state.s.length', 'null', '-'],
    ['state.a.b.value', 'null', '-'],
    ['state.n', 'null', '-'],
    ['state.gone.deep', 'null', '-'],
    ['state.constructor', 'null', '-'],
    ['state.__proto__', '{"own":1}', '{"own":1}'],
    ['state.a.__proto__', 'null', '-'],
  ])('%s is %s', (text, json, cell) => {
    const [field] = parseFields([text], KNOWN);
    if (field === undefined) throw new Error('no field');
    expect(formatJson(project(row, [field]))).toBe(`{${JSON.stringify(text)}:${json}}`);
    expect(formatField(row, field)).toBe(cell);
  });
});
