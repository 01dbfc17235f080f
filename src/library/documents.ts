/**
 * Converts documents between the plain JavaScript objects that callers of the library pass and get, and the two forms
 * that `core/` uses: JSON text, and a `JsonObject`, whose numbers keep all their digits.
 */
import { documentText } from '../core/model/document-limits.js';
import { DevstateError, usageError } from '../core/model/errors.js';
import { isJsonObject, type JsonObject, parseJsonObject } from '../core/model/json.js';
import { toPlainObject } from '../core/model/plain-json.js';
import { parseStored } from '../core/model/stored-document.js';

/**
 * A JSON object as plain JavaScript values. Its numbers are JavaScript numbers, so digits beyond their precision are
 * lost. Results that keep the exact text have it in another field, whose name ends in `Json`.
 */
export type Document = Record<string, unknown>;

const NOT_AN_OBJECT = 'a document must be a JSON object';

/**
 * Returns the JSON text of a caller's object. `toJSON` methods are applied; bigints become JSON numbers.
 * @throws DevstateError USAGE: the value is not a JSON object, circular, larger than 1 MiB, or nested too deeply
 */
export function textOf(value: object): string {
  if (!isJsonObject(value)) throw usageError(NOT_AN_OBJECT);
  let text: string;
  try {
    text = documentText(value);
  } catch (error) {
    if (error instanceof DevstateError) throw error;
    throw usageError(`a document must be JSON: ${(error as Error).message}`);
  }
  if (!text.startsWith('{')) throw usageError(NOT_AN_OBJECT); // possible if the value's `toJSON` returned no object
  return text;
}

/**
 * Returns a caller's object as a document that keeps all digits of numbers.
 * @throws DevstateError USAGE: the value is not a JSON object, circular, larger than 1 MiB, or nested too deeply
 */
export function toDocument(value: object): JsonObject {
  return parseJsonObject(textOf(value));
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
