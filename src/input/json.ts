/** Parses JSON that a user gives: invalid JSON is a usage error that says at which position. */
import { refuseManyValues } from '../core/model/document-limits.js';
import { DevstateError, quote, usageError } from '../core/model/errors.js';
import { describe, isJsonObject, type Json, type JsonObject, parseJson } from '../core/model/json.js';
import { loneSurrogateAt } from '../core/model/json-text.js';

/** Prints a notice for the user, one line on stderr. */
export type Notice = (message: string) => void;

/**
 * Parses JSON text; duplicate keys cause one notice, however many there are.
 * @throws DevstateError USAGE: the text is not JSON, for example `bad JSON: … at position 7`, or has too many values
 */
export function readJson(text: string, notice: Notice): Json {
  let value: Json;
  let firstDuplicate: string | undefined;
  let duplicates = 0;
  refuseManyValues(text);
  try {
    value = parseJson(text, (key) => {
      firstDuplicate ??= key;
      duplicates += 1;
    });
  } catch (error) {
    throw error instanceof SyntaxError ? usageError(`bad JSON: ${error.message}`) : error;
  }
  if (firstDuplicate !== undefined) {
    const others = duplicates === 1 ? '' : ` and ${duplicates - 1} more`;
    notice(`duplicate key ${quote(firstDuplicate, 60)}${others}: the last one wins`);
  }
  const half = loneSurrogateAt(text);
  if (half >= 0)
    throw usageError(`bad JSON: ${text.slice(half, half + 6)} is half a character, at position ${half}`);
  return value;
}

/** Parses JSON text that must be an object. @throws DevstateError USAGE: the text is not JSON, or not an object */
export function readJsonObject(text: string, notice: Notice): JsonObject {
  const value = readJson(text, notice);
  if (!isJsonObject(value)) throw usageError(`expected a JSON object, not ${describe(value)}`);
  return value;
}

/**
 * Calls `read`, and puts `source` (the name of a file, an argument) before the message of a DevstateError that it
 * throws.
 */
export function at<T>(source: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DevstateError)) throw error;
    const { message, reason, details, hint } = error;
    throw new DevstateError('USAGE', `${source}: ${message}`, { reason, details, hint });
  }
}

/**
 * Returns an argument in quotes for an error message, cut off at 60 characters, because a document may have
 * megabytes.
 */
export function excerpt(text: string): string {
  return quote(text, 60);
}
