import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadPaint } from '../../src/output/color.js';
import { streamingTable } from '../../src/output/streaming-table.js';
import type { TableColumn } from '../../src/output/table-cells.js';

type Row = readonly string[];
const columns = (...headers: string[]): TableColumn<Row>[] =>
  headers.map((header, i) => ({ header, cell: (row) => row[i] ?? '' }));

async function render(
  cols: TableColumn<Row>[],
  rows: Row[],
  { headers = true, color = false } = {},
): Promise<string> {
  const formatter = streamingTable(cols, { headers, paint: await loadPaint(color) }, 100);
  let text = '';
  for (const row of rows) text += await formatter.row(row);
  return text + formatter.end();
}

describe('a streaming table', () => {
  it('aligns columns, and no line ends in blanks', async () => {
    expect(
      await render(columns('A', 'LONG', 'C'), [
        ['1', '2', '3'],
        ['wide-cell', '', 'x'],
        ['1', '', ''],
      ]),
    ).toBe(['A           LONG   C', '1           2      3', 'wide-cell          x', '1', ''].join('\n'));
  });

  it('is empty without rows, and has no header if headers are off', async () => {
    expect(await render(columns('A'), [])).toBe('');
    expect(await render(columns('A', 'B'), [['1', '2']], { headers: false })).toBe('1   2\n');
  });

  it('measures East Asian text and emoji as the terminal shows them', async () => {
    expect(
      await render(columns('ID', 'X'), [
        ['日本', '1'],
        ['👩‍👩‍👧', '2'],
        ['é', '3'],
      ]),
    ).toBe(['ID     X', '日本   1', '👩‍👩‍👧     2', 'é      3', ''].join('\n'));
  });

  it('escapes cells and headers', async () => {
    expect(await render(columns('A\n'), [['\u001b[2Jx\ny']])).toBe('A\\n\n\\u001b[2Jx\\ny\n');
  });

  it('holds back no more rows than its sample; a wider cell in a later row moves the next cells right', async () => {
    const formatter = streamingTable(columns('A', 'B'), { headers: true, paint: await loadPaint(false) }, 2);
    expect(await formatter.row(['1', 'x'])).toBe('');
    expect(await formatter.row(['22', 'x'])).toBe('A    B\n1    x\n22   x\n');
    expect(await formatter.row(['333333', 'x'])).toBe('333333   x\n');
    expect(formatter.end()).toBe('');
  });

  it('keeps the least width of a column', async () => {
    const [a, b] = columns('A', 'B');
    expect(await render([{ ...a, width: 6 } as TableColumn<Row>, b as TableColumn<Row>], [['1', 'x']])).toBe(
      'A        B\n1        x\n',
    );
  });

  it('colours the header and highlighted cells, with the same padding as without colours', async () => {
    const toned: TableColumn<Row>[] = columns('S', 'T').map((column) => ({
      ...column,
      highlight: ([status]) => (status === 'on' ? 'good' : status === 'off' ? 'bad' : undefined),
    }));
    const rows = [
      ['on', '1'],
      ['off', '2'],
      ['-', '3'],
    ];
    const colored = await render(toned, rows, { color: true });
    expect(colored).toContain('\u001b[1mS\u001b[22m');
    expect(colored).toContain('\u001b[32mon\u001b[39m');
    expect(colored).toContain('\u001b[31moff\u001b[39m');
    expect(colored).not.toContain('\u001b[2m');
    expect(stripVTControlCharacters(colored)).toBe(await render(toned, rows));
  });
});
