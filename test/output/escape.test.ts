import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeJson, escapeName, escapeText } from '../../src/output/escape.js';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  // UTF-16 units at random: lone surrogates too.
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc.array(fc.integer({ min: 0, max: 0xff })).map((units) => String.fromCharCode(...units)),
  fc.string({
    unit: fc.constantFrom(
      ...'a1#é\u0301👩❤\u{1f3fd}\ufe0f\u200d\u200c\u20e3\u034f\u061cب\u064bक\u094d\u200b',
    ),
  }),
);
/** What a terminal obeys; and with it, what nobody sees. */
const OBEYED = /[\p{Cc}\p{Surrogate}\p{Bidi_Control}\u2028\u2029]/u;
const UNSEEN = /\p{Default_Ignorable_Code_Point}/gu;

describe('escapeText', () => {
  it.each([
    ['plain Grüße 日本 👩‍👩‍👧', 'plain Grüße 日本 👩‍👩‍👧'],
    ['a\nb\tc\rd', 'a\\nb\\tc\\rd'],
    ['\u001b[31mred\u0007', '\\u001b[31mred\\u0007'],
    ['\u0000\u007f\u009b', '\\u0000\\u007f\\u009b'],
    ['\u202eabc\u2066\u200f\u061c', '\\u202eabc\\u2066\\u200f\\u061c'],
    ['\u2028\u2029', '\\u2028\\u2029'],
    ['\ud800x\udc00', '\\ud800x\\udc00'],
    ['a\u200bb\u2060c\ufeffd\u00ade\u3164', 'a\\u200bb\\u2060c\\ufeffd\\u00ade\\u3164'],
    ['sensor\u200c-1\u200d x\ufe0f', 'sensor\\u200c-1\\u200d x\\ufe0f'],
    ['\u{e0041}x', '\\udb40\\udc41x'],
    // What is seen by it stays.
    [
      '❤\ufe0f 👩\u{1f3fd}\u200d🚀 🏳\ufe0f\u200d🌈 1\ufe0f\u20e3',
      '❤\ufe0f 👩\u{1f3fd}\u200d🚀 🏳\ufe0f\u200d🌈 1\ufe0f\u20e3',
    ],
    ['می\u200cخواهم क्\u200dष', 'می\u200cخواهم क्\u200dष'],
  ])('shows %j', (text, shown) => {
    expect(escapeText(text)).toBe(shown);
  });

  it('leaves no control or invisible character, and does not change its own output', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const shown = escapeText(text);
        expect(shown).not.toMatch(OBEYED);
        for (const [unseen] of shown.matchAll(UNSEEN)) expect('\ufe0f\u200c\u200d').toContain(unseen);
        expect(escapeText(shown)).toBe(shown);
      }),
    );
  });
});

describe('escapeName', () => {
  it('keeps all characters of valid ids, and escapes line breaks and control characters', () => {
    expect(escapeName('גשר\u200f')).toBe('גשר\u200f');
    expect(escapeName('a\nb\u001b[2J')).toBe('a\\nb\\u001b[2J');
  });
});

describe('escapeJson', () => {
  it('keeps the value and leaves no control character', () => {
    fc.assert(
      fc.property(fc.dictionary(anyText, anyText), (value) => {
        const safe = escapeJson(JSON.stringify(value));
        expect(safe).not.toMatch(OBEYED);
        expect(JSON.stringify(JSON.parse(safe))).toBe(JSON.stringify(value));
      }),
    );
  });

  it('keeps line breaks and indentation', () => {
    expect(escapeJson('{\n  "a": "\\n\u007f\\\\\u202e"\n}')).toBe('{\n  "a": "\\n\\u007f\\\\\\u202e"\n}');
  });
});
