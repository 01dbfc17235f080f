/**
 * JSON from users is accepted and refused as RFC 8259 defines: exactly the texts that JSON.parse accepts, except
 * for two limits that the RFC leaves open: the depth, and strings that are not valid Unicode.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toJson } from '../../src/core/model/json.js';
import { readJson, readJsonObject } from '../../src/input/json.js';

const silent = () => {};
const NBSP = '\u00a0';

describe('accepts', () => {
  it.each([
    // Section 2: white space is space, tab, LF and CR, around any token.
    [' \t\n\r{ \t\n\r"a" \t\n\r: \t\n\r[ \t\n\r1 \t\n\r, \t\n\r2 \t\n\r] \t\n\r} \t\n\r', '{"a":[1,2]}'],
    // Section 3: a text is any value.
    ['true', 'true'],
    ['false', 'false'],
    ['null', 'null'],
    ['"x"', '"x"'],
    ['0', '0'],
    // Sections 4 and 5.
    ['{}', '{}'],
    ['[]', '[]'],
    ['{"":{"":[]}}', '{"":{"":[]}}'],
    ['[[],{},[{}]]', '[[],{},[{}]]'],
    ['{"__proto__":1,"constructor":2}', '{"__proto__":1,"constructor":2}'],
    // Section 6: numbers keep their digits.
    ['-0', '-0'],
    ['0.0', '0.0'],
    ['-0.10', '-0.10'],
    ['1e5', '1e5'],
    ['1E5', '1E5'],
    ['1e+05', '1e+05'],
    ['1.5e-007', '1.5e-007'],
    ['1e400', '1e400'],
    ['123456789012345678901234567890', '123456789012345678901234567890'],
    // Section 7.
    [String.raw`"\"\\\/\b\f\n\r\t"`, String.raw`"\"\\/\b\f\n\r\t"`],
    [String.raw`"\u0041\u00e9\u00E9\u6e29"`, '"Aéé温"'],
    [String.raw`"\u0000"`, String.raw`"\u0000"`],
    [String.raw`"\ud83d\ude00\uD83D\uDE00"`, '"😀😀"'],
    [String.raw`"\\ud800"`, String.raw`"\\ud800"`],
    ['"\u007f\u0085\u2028\u2029\ufeff😀"', '"\u007f\u0085\u2028\u2029\ufeff😀"'],
  ])('%j', (text, compact) => {
    expect(toJson(readJson(text, silent))).toBe(compact);
  });
});

describe('refuses', () => {
  it.each([
    // Section 2: other white space, comments, a byte order mark within the text.
    ['\ufeff{}', 0],
    [`${NBSP}{}`, 0],
    ['{\u2028}', 1],
    ['\u000b1', 0],
    ['\f1', 0],
    ['// x\n{}', 0],
    ['{} /* x */', 3],
    ['# x', 0],
    // Section 3.
    ['', 0],
    [' ', 1],
    ['True', 0],
    ['nul', 0],
    ['nulll', 4],
    ['undefined', 0],
    ['1 2', 2],
    ['{} {}', 3],
    // Sections 4 and 5.
    ['{"a":1,}', 7],
    ['[1,]', 3],
    ['[,1]', 1],
    ['[1,,2]', 3],
    ['[1 2]', 3],
    ['{,}', 1],
    ['{"a"}', 4],
    ['{"a":}', 5],
    ['{"a":1 "b":2}', 7],
    ['{"a":1', 6],
    ['[1', 2],
    ['[1}', 2],
    ['{a:1}', 1],
    ["{'a':1}", 1],
    ['{1:1}', 1],
    [']', 0],
    // Section 6.
    ['01', 1],
    ['-01', 2],
    ['+1', 0],
    ['.5', 0],
    ['-.5', 1],
    ['1.', 2],
    ['1.e5', 2],
    ['1e', 2],
    ['1e+', 3],
    ['1_000', 1],
    ['1.2.3', 3],
    ['0x1', 1],
    ['-', 1],
    ['--1', 1],
    ['NaN', 0],
    ['-Infinity', 1],
    ['Infinity', 0],
    ['\uff11', 0],
    // Section 7.
    ['"a', 2],
    ['"a\nb"', 2],
    ['"\t"', 1],
    ['"\u0000"', 1],
    ['"\u001f"', 1],
    [String.raw`"\x41"`, 1],
    [String.raw`"\a"`, 1],
    [String.raw`"\u12"`, 1],
    [String.raw`"\u00g0"`, 1],
    [String.raw`"\U0041"`, 1],
    [String.raw`"\'"`, 1],
    ['"\\', 1],
    [String.raw`"\"`, 3],
    ["'a'", 0],
  ])('%j, at position %i', (text, position) => {
    expect(() => readJson(text, silent)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: expect.stringMatching(new RegExp(`^bad JSON: .* at position ${position}$`, 's')),
      }),
    );
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
  });

  it.each([
    [String.raw`"\ud800"`, 1, String.raw`\ud800`],
    [String.raw`{"a":"x\udc00"}`, 7, String.raw`\udc00`],
    [String.raw`"\uD83D\u0041"`, 1, String.raw`\uD83D`],
    [String.raw`"\\\ud800\ud83d\ude00"`, 3, String.raw`\ud800`],
    [String.raw`"\ude00\ud83d"`, 1, String.raw`\ude00`],
    [String.raw`{"\ud800":1}`, 2, String.raw`\ud800`],
  ])('a lone surrogate, which UTF-8 cannot encode: %s', (text, position, half) => {
    expect(() => readJson(text, silent)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: `bad JSON: ${half} is half a character, at position ${position}`,
      }),
    );
  });

  it('deep nesting, without a stack overflow', () => {
    for (const text of [
      '['.repeat(100_000),
      `${'{"a":'.repeat(100_000)}1`,
      `[${'"[[[",'.repeat(9)}${'['.repeat(99)}`,
    ]) {
      expect(() => readJson(text, silent)).toThrow(
        expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('nested too deeply') }),
      );
    }
    const brackets = `["${'[{'.repeat(1000)}\\"${'[{'.repeat(1000)}"]`;
    expect(toJson(readJson(brackets, silent))).toBe(brackets);
  });
});

describe('duplicate keys', () => {
  const read = (text: string) => {
    const notices: string[] = [];
    const json = toJson(readJsonObject(text, (notice) => notices.push(notice)));
    return { json, notices };
  };

  it('the last one wins, with a notice', () => {
    expect(read(String.raw`{"a":1,"\u0061":2,"b":{"__proto__":1,"__proto__":{}}}`)).toEqual({
      json: '{"a":2,"b":{"__proto__":{}}}',
      notices: ['duplicate key "a" and 1 more: the last one wins'],
    });
  });

  it('print one notice, however many and long they are', () => {
    const pairs = Array.from({ length: 50_000 }, (_, i) => `"${'k'.repeat(10)}${i % 100}":${i}`);
    const { notices } = read(`{${pairs.join(',')}}`);
    expect(notices).toEqual(['duplicate key "kkkkkkkkkk0" and 49899 more: the last one wins']);
    const long = 'x'.repeat(100_000);
    expect(read(`{"${long}":1,"${long}":2}`).notices.join('').length).toBeLessThan(120);
  });

  it('with equal values print no notice', () => {
    expect(read('{"a":[1],"a":[1]}')).toEqual({ json: '{"a":[1]}', notices: [] });
  });
});

it('accepts the texts that JSON.parse accepts, with the same values', () => {
  const broken = fc
    .tuple(
      fc.json({ maxDepth: 4 }),
      fc.nat(),
      fc.constantFrom('', ',', '"', '\\', '{', ']', '0', '-', '.', 'e', ' ', '\n', '\u00a0', 'u', 'null'),
    )
    .map(([text, place, piece]) => {
      const at = place % (text.length + 1);
      return text.slice(0, at) + piece + text.slice(piece === '' ? at + 1 : at);
    });
  const tokens = fc.array(
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '1',
      '-',
      '0',
      '.',
      'e',
      '+',
      'true',
      ' ',
      '\\',
      'u0041',
    ),
    {
      maxLength: 12,
    },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        broken,
        tokens.map((list) => list.join('')),
      ),
      (text) => {
        fc.pre(!/\\u[dD][89a-fA-F]/.test(text)); // lone surrogates are refused by a rule of their own
        expect(outcome(() => JSON.parse(toJson(readJson(text, silent))))).toEqual(
          outcome(() => JSON.parse(text)),
        );
      },
    ),
    { numRuns: 2000 },
  );
});

function outcome(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return 'refused';
  }
}
