/**
 * `--fields a,b.c`: paths into the JSON output of a row. The names come from the command
 * line and the keys from stored documents, so only own properties are ever followed.
 */

import { usageError } from '../core/model/errors.js';
import { isJsonObject, toJson } from '../core/model/json.js';

export interface Field {
  /** As typed: the key in JSON, the header of a table. */
  readonly text: string;
  readonly path: readonly string[];
}

/** The paths of one `--fields` value. */
export function splitFields(list: string): string[] {
  return split(list, ',').map((text) => text.trim());
}

/**
 * Paths with their top-level names checked; `\.` is a dot within a name.
 * @throws DevstateError USAGE that lists the names
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

/** The chosen fields of a row's JSON output; what is missing is null. */
export function project(row: Record<string, unknown>, fields: readonly Field[]): Record<string, unknown> {
  return Object.fromEntries(fields.map(({ text, path }) => [text, follow(row, path) ?? null]));
}

/** A field as a table cell: strings as they are, what is missing or null `-`, all else compact JSON. */
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

/** Splits at separators that no backslash precedes; the escapes stay. */
function split(text: string, separator: string): string[] {
  const parts = [''];
  for (const [piece] of text.matchAll(/\\?./gsu)) {
    if (piece === separator) parts.push('');
    else parts.push(`${parts.pop()}${piece}`);
  }
  return parts;
}
