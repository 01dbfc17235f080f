/** Documents of the library's callers (JavaScript objects) as documents of the core, and back. */
import { documentText } from '../core/model/document-limits.js';
import { DevstateError, usageError } from '../core/model/errors.js';
import { isJsonObject, type JsonObject, parseJsonObject } from '../core/model/json.js';
import { toPlainObject } from '../core/model/plain-json.js';
import { parseStored } from '../core/model/stored-document.js';

/**
 * A JSON object as plain JavaScript values. Numbers are JavaScript numbers: digits beyond their precision are
 * lost. The field of the same result whose name ends in `Json` has the exact text.
 */
export type Document = Record<string, unknown>;

const NOT_AN_OBJECT = 'a document must be a JSON object';

/**
 * Returns the JSON text of a caller's object. `toJSON` methods are applied; bigints become JSON numbers.
 * @throws DevstateError USAGE: not a JSON object, circular, larger than 1 MiB, or nested too deeply
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
  if (!text.startsWith('{')) throw usageError(NOT_AN_OBJECT); // its `toJSON` method returned something else
  return text;
}

/** Returns a caller's object as a parsed document. @throws as `textOf` */
export function toDocument(value: object): JsonObject {
  return parseJsonObject(textOf(value));
}

/**
 * Parses a stored document.
 * @param id the device id, for the error
 * @param field what the document is, for the error: `the report`
 * @throws DevstateError BAD_RECORD: not a JSON object, too large, or nested too deeply
 */
export function toPlainDocument(id: string, field: string, text: string): Document {
  return toPlainObject(parseStored(id, field, text));
}
