/**
 * Rows to text, one at a time. A formatter may hold rows back (to measure them) and returns
 * them later; memory stays flat because none holds more than a fixed number.
 */
import { toJson } from '../core/model/json.js';
import { escapeJson } from './escape.js';

export interface Formatter<T> {
  /** What is to be written now. */
  row(row: T): string | Promise<string>;
  /** What is left to be written; also called when the rows broke off. */
  end(): string;
}

/** One line for each row. */
export function perLine<T>(line: (row: T) => string): Formatter<T> {
  return { row: (row) => `${line(row)}\n`, end: () => '' };
}

/** A JSON array, one element a line. */
export function jsonArray<T>(json: (row: T) => unknown): Formatter<T> {
  let empty = true;
  return {
    row(row) {
      const text = formatJson(json(row));
      const lead = empty ? '[\n  ' : ',\n  ';
      empty = false;
      return lead + text;
    },
    end: () => (empty ? '[]\n' : '\n]\n'),
  };
}

/** JSON as all of devstate writes it: numbers digit for digit, nothing that a terminal obeys. */
export function formatJson(value: unknown, indent?: number): string {
  return escapeJson(indent === undefined && isFlat(value) ? JSON.stringify(value) : toJson(value, indent));
}

/** Of most rows: no document within, whose numbers would lose digits. */
function isFlat(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const each of Object.values(value)) if (typeof each === 'object' && each !== null) return false;
  return true;
}
