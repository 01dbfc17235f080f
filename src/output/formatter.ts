/**
 * A formatter turns rows into text, one row at a time. It may hold rows back to measure them and
 * return their text later, but never more than 100, so memory does not grow with the list.
 */
import { toJson } from '../core/model/json.js';
import { escapeJson } from './escape.js';

export interface Formatter<T> {
  /** Takes a row and returns the text to be written now, which is empty if the row is held back. */
  row(row: T): string | Promise<string>;
  /**
   * Returns the text of rows that were held back, and the end of the list, such as `]`. It is called even if
   * reading the rows has failed.
   */
  end(): string;
}

/** Returns a formatter that writes the text of each row, followed by a line break. */
export function perLine<T>(line: (row: T) => string): Formatter<T> {
  return { row: (row) => `${line(row)}\n`, end: () => '' };
}

/** Returns a formatter that writes a JSON array, with one element per line. */
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
 * Returns the text of a value for every JSON output. Numbers of documents keep their digits. Control characters are
 * escaped, so that no stored text can send escape sequences to a terminal.
 * @param indent blanks per level; undefined: the text is one line
 */
export function formatJson(value: unknown, indent?: number): string {
  return escapeJson(indent === undefined && isFlat(value) ? JSON.stringify(value) : toJson(value, indent));
}

/**
 * Returns whether no value of an object is an object. Only then is JSON.stringify used, which is faster, but cannot
 * write the numbers of documents (LosslessNumber objects).
 */
function isFlat(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const each of Object.values(value)) if (typeof each === 'object' && each !== null) return false;
  return true;
}
