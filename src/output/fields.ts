/**
 * Reads `--fields a,b.c`: paths into the JSON output of a row. A stored document may have any keys, among them
 * names that every JavaScript object inherits (`constructor`), so only an object's own properties are followed.
 */

import { usageError } from '../core/model/errors.js';
import { isJsonObject, toJson } from '../core/model/json.js';

export interface Field {
  /** The path as the user typed it. It is the key in JSON output, and, in capitals, the header in a table. */
  readonly text: string;
  readonly path: readonly string[];
}

/** Splits the value of `--fields` at commas; `\,` stands for a comma within a name. */
export function splitFields(list: string): string[] {
  return split(list, ',').map((text) => text.trim());
}

/**
 * Splits each path at its dots (`\.` stands for a dot within a name) and checks its first name.
 * @param known the names that a path may begin with
 * @throws DevstateError USAGE: an unknown name; the message lists the known ones
 */
export function parseFields(texts: readonly string[], known: readonly string[]): Field[] {
  return texts.map((text) => {
    const path = split(text, '.').map((name) => name.replace(/\\(.)/gsu, '$1'));
    const [top = ''] = path;
    if (!known.includes(top))
      throw usageError(`no field ${JSON.stringify(top)}; there are ${known.join(', ')}`);
    return { text, path };
  });
}

/** Returns only the chosen fields of a row's JSON output; a field that is missing becomes null. */
export function project(row: Record<string, unknown>, fields: readonly Field[]): Record<string, unknown> {
  return Object.fromEntries(fields.map(({ text, path }) => [text, follow(row, path) ?? null]));
}

/**
 * Returns a field as the text of a table cell: a string as it is, `-` if the field is missing or null, else compact
 * JSON.
 */
export function formatField(row: Record<string, unknown>, { path }: Field): string {
  const value = follow(row, path) ?? null;
  if (value === null) return '-';
  return typeof value === 'string' ? value : toJson(value);
}

function follow(row: unknown, path: readonly string[]): unknown {
  let value = row;
  for (const name of path) {
    if (!(isJsonObject(value) || Array.isArray(value)) || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** Splits a text at each separator that has no backslash before it; backslashes are kept in the parts. */
function split(text: string, separator: string): string[] {
  const parts = [''];
  for (const [piece] of text.matchAll(/\\?./gsu)) {
    if (piece === separator) parts.push('');
    else parts.push(`${parts.pop()}${piece}`);
  }
  return parts;
}
