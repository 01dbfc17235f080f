/** Parsed documents as ordinary JavaScript values, for the users of the library. */
import { isJsonObject, isLosslessNumber, type Json, type JsonObject } from './json.js';

/**
 * Returns what JSON.parse returns for the text of the document: numbers are JavaScript numbers,
 * so digits beyond their precision are lost.
 */
export function toPlainObject(document: JsonObject): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(document)) {
    // An assignment to the key `__proto__` would change the prototype instead.
    Object.defineProperty(plain, key, {
      value: toPlainValue(value),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return plain;
}

function toPlainValue(value: Json): unknown {
  if (isLosslessNumber(value)) return Number(value.value);
  if (Array.isArray(value)) return value.map(toPlainValue);
  return isJsonObject(value) ? toPlainObject(value) : value;
}
