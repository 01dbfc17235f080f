/**
 * The one JSON boundary. Numbers must survive unchanged from writer to reader
 * (12345678901234567890, 1e400, 0.10), so documents are parsed to `LosslessNumber`s and
 * written back digit for digit. Nothing else in devstate calls JSON.parse on a document.
 */
import { isLosslessNumber, LosslessNumber, parse, stringify } from 'lossless-json';
import { usageError } from './errors.js';

/** A parsed JSON value; numbers keep their digits. */
export type Json = null | boolean | string | LosslessNumber | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

export { isLosslessNumber, LosslessNumber };

/** Objects and arrays within each other, the document itself among them. */
export const MAX_DOCUMENT_DEPTH = 32;
/** With what may be around a document; little enough that no walk over a value runs out of stack. */
const MAX_NESTING = MAX_DOCUMENT_DEPTH + 8;

/**
 * Parses JSON text as RFC 8259 has it. Of duplicate keys the last wins; `onDuplicate` hears
 * of each that had another value. Strings may hold lone surrogates (`loneSurrogateAt`).
 * @throws SyntaxError with the position
 */
export function parseJson(text: string, onDuplicate?: (key: string) => void): Json {
  const deep = tooDeepAt(text, MAX_NESTING);
  if (deep >= 0) throw new SyntaxError(`${TOO_DEEP}, at position ${deep}`);
  return parse(text, undefined, {
    onDuplicateKey: ({ key, newValue }) => {
      onDuplicate?.(key);
      return newValue;
    },
  }) as Json;
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

export const TOO_DEEP = `nested too deeply: a document is at most ${MAX_DOCUMENT_DEPTH} levels deep`;

/**
 * Where JSON text goes deeper than so many levels; -1: nowhere. The parser recurses, so it
 * must know before; of what is no JSON, too, as far as it will get.
 */
export function tooDeepAt(text: string, levels: number): number {
  if (!opensMore(text, levels)) return -1;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i + 1);
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1;
    else if ((code === OPEN_BRACE || code === OPEN_BRACKET) && ++depth > levels) return i;
  }
  return -1;
}

/** Whether there are more brackets than that at all: few texts need a closer look. */
function opensMore(text: string, most: number): boolean {
  let count = 0;
  for (const bracket of '{[') {
    for (let i = text.indexOf(bracket); i >= 0; i = text.indexOf(bracket, i + 1)) {
      if (++count > most) return true;
    }
  }
  return false;
}

/** Of the closing quote, or of the text's end. */
function endOfString(text: string, from: number): number {
  let i = from;
  while (i < text.length && text.charCodeAt(i) !== QUOTE) i += text.charCodeAt(i) === BACKSLASH ? 2 : 1;
  return i;
}

/** An escaped pair, an escaped half, any other escape. */
const ESCAPE = /\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)/gs;

/** Where JSON text escapes half a character (`\ud800`), which UTF-8 has no bytes for; -1: nowhere. */
export function loneSurrogateAt(text: string): number {
  if (!/\\u[dD][89a-fA-F]/.test(text)) return -1;
  for (const { 1: half, index } of text.matchAll(ESCAPE)) if (half !== undefined) return index;
  return -1;
}

/** Parses JSON text that must be an object, as every device document must. */
export function parseJsonObject(text: string, onDuplicate?: (key: string) => void): JsonObject {
  const value = parseJson(text, onDuplicate);
  if (!isJsonObject(value)) throw new SyntaxError(`expected a JSON object, not ${describe(value)}`);
  return value;
}

/** Compact JSON text of a parsed document or of any plain JavaScript value (bigint included). */
export function toJson(value: unknown, indent?: number): string {
  const text = stringify(value, undefined, indent);
  if (text === undefined) throw usageError('not a JSON value');
  return text;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isLosslessNumber(value);
}

/** Sets an own property whatever its name: plain assignment to `__proto__` would not. */
export function setKey(target: JsonObject, key: string, value: Json): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

/** The own property, or undefined: never something inherited such as `constructor`. */
export function getKey(source: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(source, key) ? source[key] : undefined;
}

/** Equality of JSON values: objects whatever the order of their keys, numbers by value or digit for digit. */
export function jsonEqual(a: Json, b: Json, numbers: 'by value' | 'digit for digit' = 'by value'): boolean {
  if (isLosslessNumber(a)) {
    if (!isLosslessNumber(b)) return false;
    return (
      a.value === b.value || (numbers === 'by value' && canonicalNumber(a.value) === canonicalNumber(b.value))
    );
  }
  if (Array.isArray(a)) {
    return (
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, i) => jsonEqual(item, b[i] as Json, numbers))
    );
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && jsonEqual(a[key] as Json, b[key] as Json, numbers))
  );
}

/** One spelling for each numeric value, exactly: sign, digits without zeros at either end, exponent. */
export function canonicalNumber(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  if (digits === '') return '0';
  const significant = digits.replace(/0+$/, '');
  const scale = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${sign}${significant}e${scale}`;
}

export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (isLosslessNumber(value)) return 'a number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
