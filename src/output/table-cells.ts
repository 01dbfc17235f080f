/**
 * What both kinds of tables share: columns, the cells of a row, and a row as an aligned
 * line. Tables look as kubectl's do: three spaces between columns, no borders, no cell cut.
 */
import type { Paint, TextStyle } from './color.js';
import { escapeText } from './escape.js';
import type { Highlight } from './view.js';
import { displayWidth } from './width.js';

export interface TableColumn<T> {
  header: string;
  cell(row: T): string;
  highlight?(row: T): Highlight | undefined;
  /** The least width, in terminal columns. */
  width?: number;
}

export interface TableOptions {
  headers: boolean;
  paint: Paint;
}

export interface Cell {
  /** Escaped: one line, without control characters. */
  text: string;
  style: TextStyle | undefined;
}

/** Blanks between two columns. */
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

/** The width of each column, in terminal columns; `prepareWidth` must have seen the texts. */
export function measuredWidths<T>(columns: readonly TableColumn<T>[], lines: readonly Cell[][]): number[] {
  return columns.map((column, i) =>
    lines.reduce((most, cells) => Math.max(most, displayWidth(cells[i]?.text ?? '')), column.width ?? 0),
  );
}

/** A row as a line. It does not end in blanks, and a cell wider than its column moves the next ones right. */
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
