/**
 * What a document may be, here and nowhere else. Every document that is to be stored gets
 * its text from `documentText`, so that one over the limits is refused before it is sent,
 * whether a user gave it or a merge came to it.
 */
import { usageError } from './errors.js';
import { type JsonObject, loneSurrogateAt, MAX_DOCUMENT_DEPTH, TOO_DEEP, toJson, tooDeepAt } from './json.js';

/** Bytes of UTF-8 of the compact text. */
const MAX_DOCUMENT_BYTES = 1_048_576;

/**
 * The compact text of a document.
 * @throws DevstateError USAGE for one over the limits, or with half a character
 */
export function documentText(document: JsonObject): string {
  const text = toJson(document);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_DOCUMENT_BYTES)
    throw usageError(
      `too large: a document is at most 1 MiB (${MAX_DOCUMENT_BYTES} bytes), not ${bytes} bytes`,
    );
  if (tooDeepAt(text, MAX_DOCUMENT_DEPTH) >= 0) throw usageError(TOO_DEEP);
  const half = loneSurrogateAt(text);
  if (half >= 0)
    throw usageError(`a document must be valid UTF-8: ${text.slice(half, half + 6)} is half a character`);
  return text;
}

/** What stands around a document in a history entry. */
const AROUND = 1024;

/**
 * For what others stored: nobody waits for megabytes to be parsed that no document may have.
 * @throws RangeError
 */
export function refuseOversize(text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_DOCUMENT_BYTES + AROUND)
    throw new RangeError(`${bytes} bytes, more than a document may have (1 MiB)`);
}
