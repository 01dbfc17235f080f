/** JSON that a user gave: what is wrong with it is a usage error that says where. */
import { DevstateError, quote, usage } from '../core/errors.js';
import { describe, isJsonObject, type Json, type JsonObject, parseJson } from '../core/json.js';

/** Takes a line for stderr. */
export type Notice = (message: string) => void;

/** @throws DevstateError USAGE: `bad JSON: … at position 7` */
export function readJson(text: string, notice: Notice): Json {
  try {
    return parseJson(text, (key) => notice(`duplicate key ${JSON.stringify(key)}: the last one wins`));
  } catch (error) {
    if (error instanceof SyntaxError) throw usage(`bad JSON: ${error.message}`);
    if (error instanceof RangeError) throw usage('bad JSON: nested too deeply');
    throw error;
  }
}

/** @throws DevstateError USAGE, also for JSON that is no object */
export function readJsonObject(text: string, notice: Notice): JsonObject {
  const value = readJson(text, notice);
  if (!isJsonObject(value)) throw usage(`a JSON object is due, not ${describe(value)}`);
  return value;
}

/** Says where it was that something went wrong. */
export function at<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof DevstateError ? usage(`${place}: ${error.message}`, error.hint) : error;
  }
}

/** An argument as messages quote it: a document may be megabytes. */
export function excerpt(text: string): string {
  return quote(text.length > 60 ? `${text.slice(0, 59)}…` : text);
}
