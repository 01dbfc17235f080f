/**
 * Aligned columns in the manner of kubectl: three spaces between, no borders, nothing cut
 * off. Widths come from the header and the first rows; a longer cell pushes its row, so a
 * fleet of any size streams through.
 */
import { styleText } from 'node:util';
import { visible } from './escape.js';
import type { Formatter } from './formatter.js';
import type { Tone } from './view.js';
import { prepareWidth, width } from './width.js';

export interface TableColumn<T> {
  header: string;
  cell(row: T): string;
  tone?(row: T): Tone | undefined;
  /** The least width. */
  width?: number;
}

export interface TableStyle {
  headers: boolean;
  color: boolean;
  /** How many rows are held back and measured before the first is written. */
  sample: number;
}

interface Cell {
  text: string;
  style: 'bold' | 'green' | 'red' | undefined;
}

const GAP = 3;
const STYLES = { good: 'green', bad: 'red' } as const;

export function table<T>(columns: readonly TableColumn<T>[], style: TableStyle): Formatter<T> {
  const header = columns.map((column): Cell => ({ text: visible(column.header), style: 'bold' }));
  let held: Cell[][] = [];
  let widths: number[] | undefined;

  function release(): string {
    if (held.length === 0) return '';
    const lines = style.headers ? [header, ...held] : held;
    const measured = columns.map((column, i) => widest(lines, i, column.width ?? 0));
    widths = measured;
    held = [];
    return lines.map((cells) => line(cells, measured, style.color)).join('');
  }

  return {
    async row(row) {
      const cells = columns.map((column): Cell => {
        const tone = column.tone?.(row);
        return { text: visible(column.cell(row)), style: tone && STYLES[tone] };
      });
      // The last column is never padded, hence never measured.
      await prepareWidth([...header, ...cells.slice(0, -1)].map((cell) => cell.text));
      if (widths !== undefined) return line(cells, widths, style.color);
      held.push(cells);
      return held.length >= style.sample ? release() : '';
    },
    end: release,
  };
}

function widest(lines: readonly Cell[][], column: number, least: number): number {
  return lines.reduce((most, cells) => Math.max(most, width(cells[column]?.text ?? '')), least);
}

/** Pads before a text rather than after it: no line ends in blanks, and colour never counts. */
function line(cells: readonly Cell[], widths: readonly number[], color: boolean): string {
  let text = '';
  let padding = 0;
  for (const [i, cell] of cells.entries()) {
    if (cell.text !== '') {
      text += ' '.repeat(padding) + paint(cell, color);
      padding = 0;
    }
    const taken = i < cells.length - 1 ? width(cell.text) : 0;
    padding += Math.max(0, (widths[i] ?? 0) - taken) + GAP;
  }
  return `${text}\n`;
}

function paint({ text, style }: Cell, color: boolean): string {
  return color && style !== undefined ? styleText(style, text, { validateStream: false }) : text;
}
