/**
 * CSV as RFC 4180 has it, but for line ends: LF, as all else here and as line tools want
 * it; every reader of CSV takes it. Documents are JSON text in a cell, null is empty. One
 * row is one line, because line breaks within texts are shown escaped.
 */
import { toJson } from '../core/model/json.js';
import { escapeText } from './escape.js';
import type { Formatter } from './formatter.js';

/** @param names of the columns, as `json` has them */
export function csv<T>(
  names: readonly string[],
  json: (row: T) => Record<string, unknown>,
  headers: boolean,
): Formatter<T> {
  let lead = headers ? line(names) : '';
  return {
    row(row) {
      const values = json(row);
      const text = lead + line(names.map((name) => values[name]));
      lead = '';
      return text;
    },
    end: () => '',
  };
}

function line(values: readonly unknown[]): string {
  return `${values.map(cell).join(',')}\n`;
}

/** What a spreadsheet takes for a formula, in ASCII and in full width. */
const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

/** A text that a spreadsheet would run is told to be text. Numbers are ours and stay, `-5` among them. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return quoted(escapeText(toJson(value)));
  return quoted(escapeText(FORMULA.test(value) ? `'${value}` : value));
}

function quoted(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
