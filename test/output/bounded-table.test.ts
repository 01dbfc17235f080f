import fc from 'fast-check';
import { expect, it } from 'vitest';
import { boundedTable } from '../../src/output/bounded-table.js';
import { loadPaint } from '../../src/output/color.js';
import type { Formatter } from '../../src/output/formatter.js';
import { streamingTable } from '../../src/output/streaming-table.js';
import type { TableColumn } from '../../src/output/table-cells.js';

type Row = readonly string[];

const columnsOf = (...headers: string[]): TableColumn<Row>[] =>
  headers.map((header, i) => ({
    header,
    cell: (row) => row[i] ?? '',
    highlight: (row) => (row[i] === 'on' ? 'good' : row[i] === 'off' ? 'bad' : undefined),
    ...(i === 1 && { width: 6 }),
  }));

async function written(formatter: Formatter<Row>, rows: readonly Row[]): Promise<string> {
  let text = '';
  for (const row of rows) text += await formatter.row(row);
  return text + formatter.end();
}

async function bounded(rows: readonly Row[], { headers = true, color = false } = {}): Promise<string> {
  const style = { headers, paint: await loadPaint(color) };
  return written(await boundedTable(columnsOf('A', 'STATUS', 'C'), style), rows);
}

const withoutTrailingBlanks = (text: string) => text.replaceAll(/ +$/gm, '');

it('aligns columns without borders, and no line ends in blanks', async () => {
  expect(
    await bounded([
      ['1', 'on', '3'],
      ['wide-cell', '', 'x'],
      ['1', '', ''],
    ]),
  ).toBe(['A           STATUS   C', '1           on       3', 'wide-cell            x', '1', ''].join('\n'));
});

it('is empty without rows, and keeps the least width of a column without a header', async () => {
  expect(await bounded([])).toBe('');
  expect(await bounded([['1', 'on', '3']], { headers: false })).toBe('1   on       3\n');
});

it('escapes line breaks and control characters in cells', async () => {
  expect(await bounded([['\u001b[2Jx\ny', 'on', '3']])).toBe(
    'A               STATUS   C\n\\u001b[2Jx\\ny   on       3\n',
  );
});

it('has the widths of its first 100 rows; a wider cell in a later row moves that row’s next cells', async () => {
  const short = Array.from({ length: 100 }, () => ['1', 'on', '3']);
  const text = await bounded([...short, ['123456789', 'on', '3'], ['1', 'off', '3']]);
  expect(text.split('\n').slice(-3)).toEqual(['123456789   on       3', '1   off      3', '']);
});

it('is, but for trailing blanks, the text of a streaming table that has seen as many rows', async () => {
  const cell = fc.oneof(
    fc.constantFrom('on', 'off', '', 'é', '日本', '👩‍👩‍👧', '\u001b[31m', 'a\nb', ' x '),
    fc.string({ maxLength: 12 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell, cell), { maxLength: 110 }),
      fc.boolean(),
      fc.boolean(),
      async (rows, headers, color) => {
        const style = { headers, paint: await loadPaint(color) };
        const streamed = await written(streamingTable(columnsOf('A', 'STATUS', 'C'), style, 100), rows);
        const text = await bounded(rows, { headers, color });
        expect(withoutTrailingBlanks(text)).toBe(withoutTrailingBlanks(streamed));
      },
    ),
    { numRuns: 60 },
  );
});

it('takes linear time on a cell of any length before the last column', async () => {
  const long = 'x'.repeat(200_000);
  const lines = (
    await bounded([
      [long, 'on', '3'],
      ['1', 'on', '3'],
      ['2', '', ''],
    ])
  ).split('\n');
  expect(lines.map((line) => line.length)).toEqual([200_013, 200_013, 200_013, 1, 0]);
});

it('keeps the blanks at the end of a value', async () => {
  expect(await bounded([['a', 'on', 'x  ']], { headers: false })).toBe('a   on       x  \n');
});
