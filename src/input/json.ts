/** JSON that a user gave: what is wrong with it is a usage error that says where. */
import { DevstateError, quote, usageError } from '../core/model/errors.js';
import {
  describe,
  isJsonObject,
  type Json,
  type JsonObject,
  loneSurrogateAt,
  parseJson,
} from '../core/model/json.js';

/** Takes a line for stderr. */
export type Notice = (message: string) => void;

/** @throws DevstateError USAGE: `bad JSON: … at position 7` */
export function readJson(text: string, notice: Notice): Json {
  let value: Json;
  try {
    value = parseJson(text, (key) => notice(`duplicate key ${quote(key)}: the last one wins`));
  } catch (error) {
    throw error instanceof SyntaxError ? usageError(`bad JSON: ${error.message}`) : error;
  }
  const half = loneSurrogateAt(text);
  if (half >= 0)
    throw usageError(`bad JSON: ${text.slice(half, half + 6)} is half a character, at position ${half}`);
  return value;
}

/** @throws DevstateError USAGE, also for JSON that is no object */
export function readJsonObject(text: string, notice: Notice): JsonObject {
  const value = readJson(text, notice);
  if (!isJsonObject(value)) throw usageError(`a JSON object is due, not ${describe(value)}`);
  return value;
}

/** Says where it was that something went wrong. */
export function at<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof DevstateError ? usageError(`${place}: ${error.message}`, error.hint) : error;
  }
}

/** An argument as messages quote it: a document may be megabytes. */
export function excerpt(text: string): string {
  return quote(text, 60);
}
