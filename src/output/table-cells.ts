/**
 * What the two kinds of tables (bounded-table.ts, streaming-table.ts) share: columns, the cells of a row, and a row
 * as an aligned line. Tables look as kubectl's do: three spaces between columns, no borders, no cell cut off.
 */
import type { Paint, TextStyle } from './color.js';
import { escapeText } from './escape.js';
import type { Highlight } from './view.js';
import { displayWidth } from './width.js';

export interface TableColumn<T> {
  header: string;
  cell(row: T): string;
  highlight?(row: T): Highlight | undefined;
  /** The least width of the column, in terminal columns. */
  width?: number;
}

export interface TableOptions {
  headers: boolean;
  paint: Paint;
}

export interface Cell {
  /** The text of the cell, escaped: one line, without control characters. */
  text: string;
  style: TextStyle | undefined;
}

/** The number of blanks between two columns. */
export const GAP = 3;
const STYLES = { good: 'green', bad: 'red' } as const;

export function headerCells<T>(columns: readonly TableColumn<T>[]): Cell[] {
  return columns.map(({ header }): Cell => ({ text: escapeText(header), style: 'bold' }));
}

export function rowCells<T>(columns: readonly TableColumn<T>[], row: T): Cell[] {
  return columns.map((column): Cell => {
    const tone = column.highlight?.(row);
    return { text: escapeText(column.cell(row)), style: tone && STYLES[tone] };
  });
}

/**
 * Returns the width of each column, in terminal columns: that of its widest cell. `prepareWidth` must have been
 * awaited for the texts.
 */
export function measuredWidths<T>(columns: readonly TableColumn<T>[], lines: readonly Cell[][]): number[] {
  return columns.map((column, i) =>
    lines.reduce((most, cells) => Math.max(most, displayWidth(cells[i]?.text ?? '')), column.width ?? 0),
  );
}

/**
 * Returns a row as a line. The line does not end in blanks, and a cell that is wider than its column moves the next
 * cells of its row to the right.
 */
export function alignedLine(cells: readonly Cell[], widths: readonly number[], paint: Paint): string {
  let text = '';
  let padding = 0;
  for (const [i, cell] of cells.entries()) {
    if (cell.text !== '') {
      text += ' '.repeat(padding) + paint(cell.text, cell.style);
      padding = 0;
    }
    const taken = i < cells.length - 1 ? displayWidth(cell.text) : 0;
    padding += Math.max(0, (widths[i] ?? 0) - taken) + GAP;
  }
  return `${text}\n`;
}
