/**
 * Parses documents stored in Redis. Other programs write documents too, so each document is checked when it is read.
 */
import { refuseOversize } from './document-limits.js';
import { DevstateError, quote } from './errors.js';
import { type JsonObject, parseJsonObject } from './json.js';

/** Stands for a stored text that is not valid UTF-8: decoded, it would be another text. */
export const NOT_UTF8 = Symbol('not UTF-8');

/** A text that was read from Redis. */
export type ReadText = string | typeof NOT_UTF8;

/**
 * Returns a text that was read from Redis, or the null or undefined that stands for an absent one.
 * @param field what the text is, for the error message, for example `the type`
 * @throws DevstateError BAD_RECORD: the text is not valid UTF-8
 */
export function validText<Text extends ReadText | null | undefined>(
  id: string,
  field: string,
  text: Text,
): Exclude<Text, typeof NOT_UTF8> {
  if (text === NOT_UTF8) throw notUtf8Error(id, field);
  return text as Exclude<Text, typeof NOT_UTF8>;
}

/**
 * Parses a document that was read from Redis.
 * @param field what the document is, for the error message, for example `the desired state`
 * @throws DevstateError BAD_RECORD: the text is not valid UTF-8, not a JSON object, too large, or too deep
 */
export function parseStored(id: string, field: string, text: ReadText): JsonObject {
  const valid = validText(id, field, text);
  try {
    refuseOversize(valid);
    return parseJsonObject(valid);
  } catch (error) {
    throw brokenError(id, field, (error as Error).message);
  }
}

/** The text and the version of a stored document, as they were read. */
export interface StoredText<Text extends ReadText = string> {
  version: number;
  text: Text;
}

/**
 * Returns whether a document that a script refused, as not the expected one, is the expected one after it was decoded.
 * Then the stored text is not UTF-8: decoding changes it, so the script would refuse it at every attempt.
 * @param expected what was expected; undefined: nothing was
 */
export function isUnchanged(expected: StoredText<ReadText> | undefined, found: StoredText): boolean {
  return expected !== undefined && expected.version === found.version && expected.text === found.text;
}

/** Returns the error of a device that has a document or a type that is not UTF-8. */
export function notUtf8Error(id: string, field: string): DevstateError {
  return brokenError(id, field, 'it is not valid UTF-8');
}

function brokenError(id: string, field: string, why: string): DevstateError {
  return new DevstateError('BAD_RECORD', `device ${quote(id)}: ${field} is broken: ${why}`, {
    reason: 'BROKEN_DOCUMENT',
    details: { deviceId: id },
  });
}
