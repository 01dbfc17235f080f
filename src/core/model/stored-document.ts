/**
 * Parses documents stored in Redis. Other programs write documents too, so each document is checked when it is read.
 */
import { refuseOversize } from './document-limits.js';
import { DevstateError, quote } from './errors.js';
import { type JsonObject, parseJsonObject } from './json.js';

/**
 * Parses a document that was read from Redis.
 * @param field what the document is, for the error message, for example `the desired state`
 * @throws DevstateError BAD_RECORD: the text is not a JSON object, too large, or too deep
 */
export function parseStored(id: string, field: string, text: string): JsonObject {
  try {
    refuseOversize(text);
    return parseJsonObject(text);
  } catch (error) {
    throw brokenError(id, field, (error as Error).message);
  }
}

/** The text and the version of a stored document, as they were read. */
export interface StoredText {
  version: number;
  text: string;
}

/**
 * Returns whether a document that a script refused, as not the expected one, is the expected one after it was decoded.
 * Then the stored text is not UTF-8: decoding changes it, so the script would refuse it at every attempt.
 * @param expected what was expected; undefined: nothing was
 */
export function isUnchanged(expected: StoredText | undefined, found: StoredText): boolean {
  return expected !== undefined && expected.version === found.version && expected.text === found.text;
}

/** Returns the error of a device that has a document that is not UTF-8. */
export function notUtf8Error(id: string, field: string): DevstateError {
  return brokenError(id, field, 'it is not valid UTF-8');
}

function brokenError(id: string, field: string, why: string): DevstateError {
  return new DevstateError('BAD_RECORD', `device ${quote(id)}: ${field} is broken: ${why}`, {
    reason: 'BROKEN_DOCUMENT',
    details: { deviceId: id },
  });
}
