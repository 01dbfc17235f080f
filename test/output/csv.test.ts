/** CSV as other readers take it: `csv-parse` reads back what was written. */
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJsonObject } from '../../src/core/model/json.js';
import { csv } from '../../src/output/csv.js';
import { escapeText } from '../../src/output/escape.js';

/** One row of one column `a`, without the header. */
const cell = (value: unknown) => csv(['a'], () => ({ a: value }), false).row({}) as string;

describe('rows', () => {
  it('have a header, or none with --no-headers', () => {
    const rows = csv(['id', 'n'], (row: Record<string, unknown>) => row, true);
    expect(rows.row({ n: 1, id: 'a' })).toBe('id,n\na,1\n');
    expect(rows.row({ id: 'b' })).toBe('b,\n');
    expect(rows.end()).toBe('');
    expect(csv(['id'], () => ({ id: 'a' }), false).row({})).toBe('a\n');
  });

  it('print no header if there are none', () => {
    expect(csv(['id'], () => ({}), true).end()).toBe('');
  });
});

describe('cells', () => {
  it.each([
    ['a "b", c', '"a ""b"", c"\n'],
    ['a;=1+1', '"a;=1+1"\n'],
    ['=1;2', '"\'=1;2"\n'],
    ['a\t=1+1', 'a\\t=1+1\n'],
    [null, '\n'],
    [undefined, '\n'],
    ['', '\n'],
    [true, 'true\n'],
    [-5, '-5\n'],
    ['a\nb\r\u001b[2J\u202e', 'a\\nb\\r\\u001b[2J\\u202e\n'],
  ])('%j is %j', (value, text) => {
    expect(cell(value)).toBe(text);
  });

  it('hold documents as JSON text whose numbers keep their digits', () => {
    const document = '{"big":12345678901234567890,"huge":1e400,"money":-0.10,"text":"=1,\\n"}';
    const { big, money, ...rest } = parseJsonObject(document);
    expect([cell(big), cell(money)]).toEqual(['12345678901234567890\n', '-0.10\n']);
    expect(cell({ big, money, ...rest })).toBe(
      '"{""big"":12345678901234567890,""money"":-0.10,""huge"":1e400,""text"":""=1,\\n""}"\n',
    );
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '＝1', '＋1', '－1', '＠x', "=cmd|' /C calc'!A0"])(
    'get an apostrophe so that a spreadsheet takes %j for text',
    (text) => {
      expect(cell(text)).toBe(`'${escapeText(text)}\n`);
    },
  );

  it('are read back by csv-parse as the escaped text, one line per row', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), (texts) => {
        const names = texts.map((_, i) => `c${i}`);
        const row = csv(names, () => Object.fromEntries(texts.map((text, i) => [`c${i}`, text])), true).row(
          {},
        );
        expect(row).toMatch(/^[^\n]*\n[^\n]*\n$/);
        const [read] = parse(row as string, { columns: true, skip_empty_lines: false }) as Record<
          string,
          string
        >[];
        for (const [i, text] of texts.entries()) {
          expect(read?.[`c${i}`]?.replace(/^'(?=[=+\-@＝＋－＠]|\\[tr])/, '')).toBe(escapeText(text));
        }
      }),
    );
  });
});
