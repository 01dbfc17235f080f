/**
 * The one JSON boundary. Numbers must survive unchanged from writer to reader
 * (12345678901234567890, 1e400, 0.10), so documents are parsed to `LosslessNumber`s and
 * written back digit for digit. Nothing else in devstate calls JSON.parse on a document.
 */
import { isLosslessNumber, LosslessNumber, parse, stringify } from 'lossless-json';
import { usage } from './errors.js';

/** A parsed JSON value; numbers keep their digits. */
export type Json = null | boolean | string | LosslessNumber | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

export { isLosslessNumber, LosslessNumber };

/**
 * Parses JSON text. Of duplicate keys the last wins; `onDuplicate` hears of each.
 * @throws SyntaxError with the position
 */
export function parseJson(text: string, onDuplicate?: (key: string) => void): Json {
  return parse(text, undefined, {
    onDuplicateKey: ({ key, newValue }) => {
      onDuplicate?.(key);
      return newValue;
    },
  }) as Json;
}

/** Parses JSON text that must be an object, as every device document must. */
export function parseJsonObject(text: string, onDuplicate?: (key: string) => void): JsonObject {
  const value = parseJson(text, onDuplicate);
  if (!isJsonObject(value)) throw new SyntaxError(`a JSON object is due, not ${describe(value)}`);
  return value;
}

/** Compact JSON text of a parsed document or of any plain JavaScript value (bigint included). */
export function toJson(value: unknown, indent?: number): string {
  const text = stringify(value, undefined, indent);
  if (text === undefined) throw usage('not a JSON value');
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
