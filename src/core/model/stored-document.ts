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
    const message = `device ${quote(id)}: ${field} is broken: ${(error as Error).message}`;
    throw new DevstateError('BAD_RECORD', message, {
      reason: 'BROKEN_DOCUMENT',
      details: { deviceId: id },
    });
  }
}
