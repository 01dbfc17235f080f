/**
 * CSV by RFC 4180, except that lines end in LF, as all other output does; CSV readers accept LF too. A document is
 * a cell of JSON text, null is an empty cell. One row is one line, because line breaks within texts are escaped.
 */
import { toJson } from '../core/model/json.js';
import { escapeText } from './escape.js';
import type { Formatter } from './formatter.js';

/**
 * Returns a formatter that writes CSV.
 * @param names the columns: the names of properties of what `json` returns
 */
export function csv<T>(
  names: readonly string[],
  json: (row: T) => Record<string, unknown>,
  headers: boolean,
): Formatter<T> {
  let pendingHeader = headers ? line(names) : '';
  return {
    row(row) {
      const values = json(row);
      const text = pendingHeader + line(names.map((name) => values[name]));
      pendingHeader = '';
      return text;
    },
    end: () => '',
  };
}

function line(values: readonly unknown[]): string {
  return `${values.map(cell).join(',')}\n`;
}

/**
 * Matches a text that a spreadsheet would run as a formula, by its first character: = + - @, their full-width
 * forms, tab or CR.
 */
const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

/**
 * Matches what a spreadsheet may split a row at, unless it is in quotes: besides the comma the semicolon, which many
 * take by the user's locale; what follows it could be a formula. Tabs and line breaks are escaped before.
 */
const SPLITTING = /[",;]/;

/**
 * Returns the text of a cell. A string that looks like a formula gets a leading apostrophe, so that a spreadsheet
 * shows it as text and does not run it. Numbers get none: `-5` stays `-5`.
 */
function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return quoted(escapeText(toJson(value)));
  return quoted(escapeText(FORMULA.test(value) ? `'${value}` : value));
}

function quoted(text: string): string {
  return SPLITTING.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
