/**
 * Converts documents between the plain JavaScript objects that callers of the library pass and get, and the two forms
 * that `core/` uses: JSON text, and a `JsonObject`, whose numbers keep all their digits.
 */
import { documentText } from '../core/model/document-limits.js';
import { DevstateError, usageError } from '../core/model/errors.js';
import { isJsonObject, type Json, type JsonObject } from '../core/model/json.js';
import { toPlainObject } from '../core/model/plain-json.js';
import { parseStored } from '../core/model/stored-document.js';
import { toJsonValue } from './json-value.js';

/**
 * A JSON object as plain JavaScript values. Its numbers are JavaScript numbers, so digits beyond their precision are
 * lost. Results that keep the exact text have it in another field, whose name ends in `Json`.
 */
export type Document = Record<string, unknown>;

/**
 * Returns the JSON text of a caller's object.
 * @throws DevstateError USAGE: as `toDocument`, and it is larger than 1 MiB
 */
export function textOf(value: object): string {
  return documentText(toDocument(value));
}

/**
 * Returns a caller's object as a document that keeps all digits of numbers. `toJSON` methods are applied; bigints become
 * JSON numbers.
 * @throws DevstateError USAGE: the value is not a JSON object, has a value that is not JSON, is circular, or nested too
 * deeply
 */
export function toDocument(value: object): JsonObject {
  const document = jsonOf(value);
  if (!isJsonObject(document)) throw usageError('a document must be a JSON object');
  return document;
}

/** Returns a caller's object as JSON; undefined: it is no object. */
function jsonOf(value: object): Json | undefined {
  try {
    return isJsonObject(value) ? toJsonValue(value) : undefined;
  } catch (error) {
    if (error instanceof DevstateError) throw error;
    // A getter, a proxy or `toJSON` threw, which may be any value.
    const why = error instanceof Error ? error.message : 'reading it failed';
    throw usageError(`a document must be JSON: ${why}`);
  }
}

/**
 * Parses a stored document into plain JavaScript values.
 * @param id the id of the device, for the message of the error
 * @param field what the document is, for the message of the error, for instance `the report`
 * @throws DevstateError BAD_RECORD: the text is not a JSON object, too large, or nested too deeply
 */
export function toPlainDocument(id: string, field: string, text: string): Document {
  return toPlainObject(parseStored(id, field, text));
}
