/** Stored documents. Other programs write them too, so each one is checked when it is read. */
import { refuseOversize } from './document-limits.js';
import { DevstateError, quote } from './errors.js';
import { type JsonObject, parseJsonObject } from './json.js';

/**
 * Parses a stored document. The error names the device and the field.
 * @throws DevstateError BAD_RECORD: not a JSON object, too large, or too deep
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
