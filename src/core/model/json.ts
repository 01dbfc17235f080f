/**
 * Parsing and writing JSON. Numbers must survive unchanged from writer to reader (12345678901234567890, 1e400,
 * 0.10), so they are parsed to `LosslessNumber`s and written back digit for digit. JSON.parse would round
 * them, so it must not be called on a document.
 */
import { isLosslessNumber, LosslessNumber, parse, stringify } from 'lossless-json';
import { usageError } from './errors.js';
import { MAX_DOCUMENT_DEPTH, TOO_DEEP, tooDeepAt } from './json-text.js';

/** A parsed JSON value, in which every number keeps the digits of its text. */
export type Json = null | boolean | string | LosslessNumber | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

export { isLosslessNumber, LosslessNumber };

/**
 * The most levels of nesting that `parseJson` accepts. It must be more than a document may have, because a history
 * entry contains a document; and it must be small, because the parser and functions that walk a parsed value recurse:
 * much deeper text would exhaust the stack.
 */
const MAX_NESTING = MAX_DOCUMENT_DEPTH + 8;

/**
 * Parses JSON text (RFC 8259). Escapes such as `\ud800`, which are half a character, are accepted; a caller that must
 * refuse them checks the text with `loneSurrogateAt`.
 * @param onDuplicate called with each key that an object has twice with different values; the last value is kept
 * @throws SyntaxError, which says the position, if the text is not valid or too deep
 */
export function parseJson(text: string, onDuplicate?: (key: string) => void): Json {
  const position = tooDeepAt(text, MAX_NESTING);
  if (position >= 0) throw new SyntaxError(`${TOO_DEEP}, at position ${position}`);
  return parse(text, undefined, {
    onDuplicateKey: ({ key, newValue }) => {
      onDuplicate?.(key);
      return newValue;
    },
  }) as Json;
}

/**
 * Parses JSON text that must be an object, as every document must.
 * @throws SyntaxError if it is not valid or no object
 */
export function parseJsonObject(text: string, onDuplicate?: (key: string) => void): JsonObject {
  const value = parseJson(text, onDuplicate);
  if (!isJsonObject(value)) throw new SyntaxError(`expected a JSON object, not ${describe(value)}`);
  return value;
}

/**
 * Returns the compact JSON text of a parsed document or of any plain JavaScript value (bigint included).
 * @param indent how many spaces each level is indented; then the text has several lines
 * @throws DevstateError USAGE: the value cannot be written as JSON, for example undefined or a function
 */
export function toJson(value: unknown, indent?: number): string {
  const text = stringify(value, undefined, indent);
  if (text === undefined) throw usageError('not a JSON value');
  return text;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isLosslessNumber(value);
}

/**
 * Sets an own property of an object. It must be used in place of an assignment if the key comes from a document: with
 * the key `__proto__`, an assignment would change the object's prototype.
 */
export function setKey(target: JsonObject, key: string, value: Json): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

/**
 * Returns an own property of an object; undefined: it has none of this name. An expression such as `source[key]` would
 * also find inherited properties such as `constructor`.
 */
export function getKey(source: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(source, key) ? source[key] : undefined;
}

/** Returns the kind of a value as error messages name it: `a number`, `an object`, `null`. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (isLosslessNumber(value)) return 'a number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
