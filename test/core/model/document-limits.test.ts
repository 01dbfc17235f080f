import { describe, expect, test } from 'vitest';
import { documentText, refuseOversize } from '../../../src/core/model/document-limits.js';
import { parseJsonObject } from '../../../src/core/model/json.js';

const nested = (levels: number) =>
  parseJsonObject(`${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`);
const refusal = (message: string) =>
  expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) });

describe('a document', () => {
  test.each([
    ['of 1 MiB', { a: 'x'.repeat(1_048_576 - 8) }],
    ['of 32 levels', nested(32)],
    ['of 32 levels, some of them arrays', { a: parseJsonObject(`{"b":${'['.repeat(30)}${']'.repeat(30)}}`) }],
    ['with many brackets side by side', { a: Array.from({ length: 1000 }, () => ({})) }],
    ['with many brackets in a string', { a: '[{"'.repeat(1000) }],
    ['with text that looks like an escaped surrogate, and a pair of surrogates', { a: '\\ud800', b: '😀' }],
  ])('%s is accepted', (_what, document) => {
    expect(documentText(document)).toBe(JSON.stringify(document));
  });

  test.each([
    [
      'one byte more than 1 MiB',
      { a: 'x'.repeat(1_048_576 - 7) },
      'too large: a document is at most 1 MiB (1048576 bytes), not 1048577 bytes',
    ],
    [
      'one byte more than 1 MiB, in fewer characters',
      { a: `x${'é'.repeat((1_048_576 - 8) / 2)}` },
      'not 1048577 bytes',
    ],
    ['33 levels', nested(33), 'nested too deeply: a document is at most 32 levels deep'],
    ['33 levels, one of them an array', { a: [nested(31)] }, 'nested too deeply'],
    ['a lone surrogate', { a: ['\ud800'] }, 'a document must be valid UTF-8: \\ud800 is half a character'],
    ['a lone surrogate in a key', { '\udc00': 1 as never }, '\\udc00 is half a character'],
  ])('with %s is refused', (_what, document, message) => {
    expect(() => documentText(document)).toThrow(refusal(message));
  });
});

test('a stored text may be 1 KiB larger than a document, because a history entry has other members', () => {
  refuseOversize('x'.repeat(1_048_576 + 1024));
  expect(() => refuseOversize('é'.repeat(524_288 + 513))).toThrow(
    '1049602 bytes, more than a document may have (1 MiB)',
  );
});
