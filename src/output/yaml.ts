/**
 * Writes JSON values as YAML, in block style. It is written by hand because the YAML libraries turn numbers into
 * doubles and need the whole document at once; this writer keeps the digits of numbers and writes a list item by
 * item. A text is left unquoted only if YAML 1.1 and 1.2 both read it as a string: it begins with a letter and
 * holds letters, digits and few signs. All other text (`on`, `12:30:00`) is in double quotes, with JSON's escapes.
 */
import { isLosslessNumber, toJson } from '../core/model/json.js';
import { escapeJson, escapeText, hex } from './escape.js';
import { type Formatter, perLine } from './formatter.js';

/** Returns a formatter that writes a single object as a YAML mapping. */
export function yamlDocument<T>(json: (row: T) => unknown): Formatter<T> {
  return perLine((row) => block(json(row), ''));
}

/** Returns a formatter that writes a YAML sequence, with one item per row. */
export function yamlList<T>(json: (row: T) => unknown): Formatter<T> {
  let isEmpty = true;
  return {
    row(row) {
      isEmpty = false;
      return `${block([json(row)], '')}\n`;
    },
    end: () => (isEmpty ? '[]\n' : ''),
  };
}

/**
 * Returns a formatter that writes each row as a YAML document of its own (`---`), for rows that may have no end.
 */
export function yamlStream<T>(json: (row: T) => unknown): Formatter<T> {
  return perLine((row) => `---\n${block(json(row), '')}`);
}

/**
 * Returns a value as YAML lines. Only the lines after the first are indented, because the first follows `- ` or a
 * key on its line.
 */
function block(value: unknown, indent: string): string {
  const inner = `${indent}  `;
  if (!isBlock(value)) return scalar(value);
  const items = Array.isArray(value)
    ? value.map((item) => `- ${block(item, inner)}`)
    : entriesOf(value).map(([key, item]) => {
        const gap = isBlock(item) ? `\n${inner}` : ' ';
        return `${keyText(key, indent)}:${gap}${block(item, inner)}`;
      });
  return items.join(`\n${indent}`);
}

/** Returns whether a value is written on lines of its own: an object or array that is not empty. */
function isBlock(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || isLosslessNumber(value)) return false;
  return Array.isArray(value) ? value.length > 0 : entriesOf(value).length > 0;
}

function entriesOf(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, item]) => item !== undefined);
}

/**
 * Returns the text of a key. A key of more than 1000 characters is marked by `? `: without the mark YAML allows at
 * most 1024 characters before the colon, so the limit must stay below that.
 */
function keyText(key: string, indent: string): string {
  const text = scalar(key);
  return text.length > 1000 ? `? ${text}\n${indent}` : text;
}

const UNQUOTED = /^[\p{L}_](?:[\p{L}\p{N}_ ./-]*[\p{L}\p{N}_])?$/u;
/**
 * Matches text that YAML 1.1 or 1.2, if it is not quoted, reads as a boolean, null or a number instead of a string.
 */
const RESERVED = /^(?:y|n|yes|no|on|off|true|false|null|e-?\d+)$/i;

function scalar(value: unknown): string {
  if (typeof value !== 'string') return toJson(value);
  if (UNQUOTED.test(value) && !RESERVED.test(value) && escapeText(value) === value) return value;
  return escapeJson(JSON.stringify(value), escaped);
}

/**
 * Returns the escape of a character in a quoted YAML text: `\uXXXX`, or `\UXXXXXXXX` beyond U+FFFF, because YAML
 * has no surrogate pairs.
 */
function escaped(character: string): string {
  const code = character.codePointAt(0) as number;
  return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
}
