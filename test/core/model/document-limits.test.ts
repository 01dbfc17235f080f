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
    ['with what looks like half a character', { a: '\\ud800', b: '😀' }],
  ])('%s is allowed', (_what, document) => {
    expect(documentText(document)).toBe(JSON.stringify(document));
  });

  test.each([
    [
      'a byte more',
      { a: 'x'.repeat(1_048_576 - 7) },
      'too large: a document is at most 1 MiB (1048576 bytes), not 1048577 bytes',
    ],
    ['a byte more in fewer characters', { a: `x${'é'.repeat((1_048_576 - 8) / 2)}` }, 'not 1048577 bytes'],
    ['a level more', nested(33), 'nested too deeply: a document is at most 32 levels deep'],
    ['a level more in an array', { a: [nested(31)] }, 'nested too deeply'],
    ['half a character', { a: ['\ud800'] }, 'a document must be valid UTF-8: \\ud800 is half a character'],
    ['a key of half a character', { '\udc00': 1 as never }, '\\udc00 is half a character'],
  ])('with %s is not', (_what, document, message) => {
    expect(() => documentText(document)).toThrow(refusal(message));
  });
});

test('what others stored may be as large, and what stands around it', () => {
  refuseOversize('x'.repeat(1_048_576 + 1024));
  expect(() => refuseOversize('é'.repeat(524_288 + 513))).toThrow(
    '1049602 bytes, more than a document may have (1 MiB)',
  );
});
