/**
 * Parsing and writing JSON. Numbers must survive unchanged from writer to reader (12345678901234567890, 1e400,
 * 0.10), so they are parsed to `LosslessNumber`s and written back digit for digit. No other file calls JSON.parse
 * on a document.
 */
import { isLosslessNumber, LosslessNumber, parse, stringify } from 'lossless-json';
import { usageError } from './errors.js';
import { MAX_DOCUMENT_DEPTH, TOO_DEEP, tooDeepAt } from './json-text.js';

/** A parsed JSON value; numbers keep their digits. */
export type Json = null | boolean | string | LosslessNumber | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

export { isLosslessNumber, LosslessNumber };

/**
 * The levels that any JSON text may have: those of a document, and some for text that contains one, such as a
 * history entry. Functions that walk a parsed value recurse, and at this depth never exhaust the stack.
 */
const MAX_NESTING = MAX_DOCUMENT_DEPTH + 8;

/**
 * Parses JSON text (RFC 8259). Strings may contain lone surrogates (see `loneSurrogateAt`).
 * @param onDuplicate called with each key that an object has twice with different values; the last value is kept
 * @throws SyntaxError with the position
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

/** Parses JSON text that must be an object, as every document must. @throws SyntaxError */
export function parseJsonObject(text: string, onDuplicate?: (key: string) => void): JsonObject {
  const value = parseJson(text, onDuplicate);
  if (!isJsonObject(value)) throw new SyntaxError(`expected a JSON object, not ${describe(value)}`);
  return value;
}

/**
 * Returns the compact JSON text of a parsed document or of any plain JavaScript value (bigint included).
 * @param indent spaces a level, for text over several lines
 * @throws DevstateError USAGE: the value has no JSON text, as undefined or a function
 */
export function toJson(value: unknown, indent?: number): string {
  const text = stringify(value, undefined, indent);
  if (text === undefined) throw usageError('not a JSON value');
  return text;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isLosslessNumber(value);
}

/** Sets an own property. An assignment to the key `__proto__` would change the prototype instead. */
export function setKey(target: JsonObject, key: string, value: Json): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

/** Returns an own property, or undefined; never an inherited one such as `constructor`. */
export function getKey(source: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(source, key) ? source[key] : undefined;
}

/** Returns the kind of a value for messages, with its article: `a number`, `an object`, `null`. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (isLosslessNumber(value)) return 'a number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
