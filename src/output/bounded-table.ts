/**
 * A table whose rows are all known before the first is written, such as the sheet of `get`. cli-table3 lays out the
 * first 100 rows; later rows are written one by one with the same widths, because cli-table3 takes up to 220 µs a
 * row. If these 100 rows contain text beyond ASCII, cli-table3 is not used, because its older string-width measures
 * new emoji wrongly.
 */
import type Table from 'cli-table3';
import { PRINTABLE_ASCII } from './escape.js';
import type { Formatter } from './formatter.js';
import {
  alignedLine,
  type Cell,
  GAP,
  headerCells,
  measuredWidths,
  rowCells,
  type TableColumn,
  type TableOptions,
} from './table-cells.js';
import { prepareWidth } from './width.js';

/**
 * The number of rows that cli-table3 lays out; later rows are written with the same widths, which is faster. The
 * rows are held in memory until then, and a formatter may hold no more than 100.
 */
const MOST_ROWS = 100;

export async function boundedTable<T>(
  columns: readonly TableColumn<T>[],
  { headers, paint }: TableOptions,
): Promise<Formatter<T>> {
  const { default: CliTable } = await import('cli-table3');
  const header = headers ? headerCells(columns) : [];
  let held: Cell[][] = [];
  let widths: readonly number[] | undefined;

  /** Returns the header and the rows that were held back as text, and sets `widths` for later rows. */
  function release(): string {
    if (held.length === 0) return '';
    const lines = headers ? [header, ...held] : held;
    const rows = held;
    held = [];
    if (lines.some((cells) => cells.some(({ text }) => !isForCliTable(text)))) {
      const measured = measuredWidths(columns, lines);
      widths = measured;
      return lines.map((cells) => alignedLine(cells, measured, paint)).join('');
    }
    const padded = (cells: readonly Cell[]) =>
      cells.map(({ text, style }, i) => {
        const missing = (columns[i]?.width ?? 0) - text.length;
        return paint(text, style) + ' '.repeat(Math.max(0, missing));
      });
    const table = new CliTable({ ...BORDERLESS, head: padded(header) });
    table.push(...rows.map(padded));
    // Lines are trimmed by `trimEnd`, not by a pattern such as / +$/, which takes quadratic time on a line with
    // many blanks before its last cell.
    const trimmed = table
      .toString()
      .split('\n')
      .map((line) => line.trimEnd());
    widths = table.options.colWidths.map((width) => (width ?? 0) - GAP);
    return `${trimmed.join('\n')}\n`;
  }

  return {
    async row(row) {
      const cells = rowCells(columns, row);
      await prepareWidth([...header, ...cells].map((cell) => cell.text));
      if (widths === undefined && held.length < MOST_ROWS) {
        held.push(cells);
        return '';
      }
      const before = release();
      return before + alignedLine(cells, widths ?? [], paint);
    },
    end: release,
  };
}

/**
 * Returns whether cli-table3 may lay out a text: it is printable ASCII, which cli-table3 measures correctly, and
 * does not end in a blank, because blanks at the end would be taken for padding and removed.
 */
function isForCliTable(text: string): boolean {
  return PRINTABLE_ASCII.test(text) && !text.endsWith(' ');
}

const NO_CHARS: Table.TableConstructorOptions['chars'] = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

const BORDERLESS: Table.TableConstructorOptions = {
  chars: NO_CHARS,
  style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP },
};
