/**
 * A table of any number of rows, such as a list of the whole fleet. The widths of its columns come from the header
 * and the first rows. A wider cell in a later row moves the next cells of its own row to the right. So memory does
 * not grow with the number of rows.
 */
import type { Formatter } from './formatter.js';
import {
  alignedLine,
  type Cell,
  headerCells,
  measuredWidths,
  rowCells,
  type TableColumn,
  type TableOptions,
} from './table-cells.js';
import { prepareWidth } from './width.js';

/**
 * Returns a formatter that writes a table row by row.
 * @param sampleRows the number of rows that are held back and measured before the first is written
 */
export function streamingTable<T>(
  columns: readonly TableColumn<T>[],
  { headers, paint }: TableOptions,
  sampleRows: number,
): Formatter<T> {
  const header = headerCells(columns);
  let held: Cell[][] = [];
  let widths: number[] | undefined;

  function release(): string {
    if (held.length === 0) return '';
    const lines = headers ? [header, ...held] : held;
    const measured = measuredWidths(columns, lines);
    widths = measured;
    held = [];
    return lines.map((cells) => alignedLine(cells, measured, paint)).join('');
  }

  return {
    async row(row) {
      const cells = rowCells(columns, row);
      // The last column is not padded, so its exact width does not matter, and string-width is not loaded for it.
      await prepareWidth([...header, ...cells.slice(0, -1)].map((cell) => cell.text));
      if (widths !== undefined) return alignedLine(cells, widths, paint);
      held.push(cells);
      return held.length >= sampleRows ? release() : '';
    },
    end: release,
  };
}
