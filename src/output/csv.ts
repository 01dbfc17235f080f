/**
 * CSV by RFC 4180, except that lines end in LF, as all other output does; CSV readers accept
 * both. A document is a cell of JSON text, null is an empty cell. One row is one line, because
 * line breaks within texts are escaped.
 */
import { toJson } from '../core/model/json.js';
import { escapeText } from './escape.js';
import type { Formatter } from './formatter.js';

/** @param names the columns, as properties of what `json` returns */
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

/** The beginning of a text that a spreadsheet would run as a formula; full-width forms of = + - @ included. */
const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

/** A text that looks like a formula gets a leading apostrophe, which makes spreadsheets show it as text. Numbers do not: `-5` stays. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return quoted(escapeText(toJson(value)));
  return quoted(escapeText(FORMULA.test(value) ? `'${value}` : value));
}

function quoted(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
