/**
 * The limits of a JSON document: 1 MiB and 32 levels. The text of every document that is stored comes from
 * `documentText`, so a document over the limits is never sent to Redis, whether a user gave it or a merge produced it.
 */
import { DevstateError, quote, usageError } from './errors.js';
import { type JsonObject, toJson } from './json.js';
import { countSeparators, loneSurrogateAt, MAX_DOCUMENT_DEPTH, TOO_DEEP, tooDeepAt } from './json-text.js';

/** The most bytes of UTF-8 that a document's compact JSON text may have. */
export const MAX_DOCUMENT_BYTES = 1_048_576;

/**
 * The most bytes that any other field of a record may have, where devices write their own records. What devstate writes
 * there is shorter: an id or type has at most 256 bytes, a time or the field `devstate` less than 200.
 */
export const MAX_FIELD_BYTES = 1024;

const TOO_LARGE = `too large: a document is at most 1 MiB (${MAX_DOCUMENT_BYTES} bytes)`;

/**
 * Refuses a document whose text has too many commas and colons. Each of them has at least one other byte beside it, so
 * a document with more than half of MAX_DOCUMENT_BYTES of them is too large. It must be called before the text is
 * parsed, which takes seconds for a million keys.
 * @throws DevstateError USAGE: the document is too large
 */
export function refuseManySeparators(count: number): void {
  if (count > MAX_DOCUMENT_BYTES / 2) throw usageError(TOO_LARGE);
}

/** Refuses JSON text of any layout that has too many values. @throws DevstateError USAGE: the document is too large */
export function refuseManyValues(text: string): void {
  if (text.length > MAX_DOCUMENT_BYTES / 2) refuseManySeparators(countSeparators(text));
}

/**
 * Returns the compact JSON text of a document.
 * @throws DevstateError USAGE: the document is too large, too deep, or has a character that UTF-8 cannot represent
 */
export function documentText(document: JsonObject): string {
  const text = toJson(document);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_DOCUMENT_BYTES) throw usageError(`${TOO_LARGE}, not ${bytes} bytes`);
  if (tooDeepAt(text, MAX_DOCUMENT_DEPTH) >= 0) throw usageError(TOO_DEEP);
  const position = loneSurrogateAt(text);
  if (position >= 0)
    throw usageError(
      `a document must be valid UTF-8: ${text.slice(position, position + 6)} is half a character`,
    );
  return text;
}

/**
 * How many bytes a stored text may have beyond the limit of a document: a history entry has a document, and its time,
 * version and JSON keys.
 */
const HISTORY_ENTRY_BYTES = 1024;

/** Returns the error of a device whose record has a field that is too large to be read. */
export function oversizeError(id: string, field: string, bytes: number): DevstateError {
  return new DevstateError(
    'BAD_RECORD',
    `device ${quote(id)}: the field ${field} of its record is too large: ${bytes} bytes`,
    { reason: 'OVERSIZE_FIELD', details: { deviceId: id, field } },
  );
}

/**
 * Checks the size of the text of a document or history entry that was read from Redis. It must be called before the
 * text is parsed: another program may have stored a text that takes minutes to parse.
 * @throws RangeError if the text has more bytes than devstate itself would store
 */
export function refuseOversize(text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_DOCUMENT_BYTES + HISTORY_ENTRY_BYTES)
    throw new RangeError(`${bytes} bytes, more than a document may have (1 MiB)`);
}
