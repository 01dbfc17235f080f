/** Converts parsed documents (`JsonObject`) to ordinary JavaScript values, which the methods of the library return. */
import { isJsonObject, isLosslessNumber, type Json, type JsonObject } from './json.js';

/**
 * Returns what JSON.parse would return for the text of the document. Numbers become JavaScript numbers, so digits
 * beyond the precision of a JavaScript number are lost.
 */
export function toPlainObject(document: JsonObject): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(document)) {
    // The property is not assigned, because with the key `__proto__` an assignment would change the object's prototype.
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
