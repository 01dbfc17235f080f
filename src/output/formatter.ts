/**
 * A formatter turns rows into text, one row at a time. It may hold rows back to measure them and
 * return their text later, but never more than 100, so memory does not grow with the list.
 */
import { toJson } from '../core/model/json.js';
import { escapeJson } from './escape.js';

export interface Formatter<T> {
  /** Returns the text to be written now, which may be empty. */
  row(row: T): string | Promise<string>;
  /** Returns the text of the rows held back and what closes the list. Also called when reading the rows has failed. */
  end(): string;
}

/** One line per row. */
export function perLine<T>(line: (row: T) => string): Formatter<T> {
  return { row: (row) => `${line(row)}\n`, end: () => '' };
}

/** A JSON array with one element per line. */
export function jsonArray<T>(json: (row: T) => unknown): Formatter<T> {
  let isEmpty = true;
  return {
    row(row) {
      const text = formatJson(json(row));
      const separator = isEmpty ? '[\n  ' : ',\n  ';
      isEmpty = false;
      return separator + text;
    },
    end: () => (isEmpty ? '[]\n' : '\n]\n'),
  };
}

/**
 * The JSON text of every JSON output. Numbers of documents keep their digits, and control characters are
 * escaped, so that no stored text can send escape sequences to a terminal.
 * @param indent blanks per level; without it the text is one line
 */
export function formatJson(value: unknown, indent?: number): string {
  return escapeJson(indent === undefined && isFlat(value) ? JSON.stringify(value) : toJson(value, indent));
}

/** Whether an object holds no other: then no document, so that JSON.stringify, which is faster, loses no digits. */
function isFlat(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const each of Object.values(value)) if (typeof each === 'object' && each !== null) return false;
  return true;
}
