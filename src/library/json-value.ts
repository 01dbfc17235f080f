/**
 * Converts the JavaScript values of a caller to JSON. What JSON cannot hold is refused, with the path to it.
 * JSON.stringify would turn NaN, an invalid Date, and undefined in an array into null, which in a merge patch deletes a
 * key; and it would turn a Map into an empty object.
 */
import { refuseManySeparators } from '../core/model/document-limits.js';
import { type DevstateError, quote, usageError } from '../core/model/errors.js';
import { isLosslessNumber, type Json, type JsonObject, LosslessNumber, setKey } from '../core/model/json.js';
import { MAX_DOCUMENT_DEPTH, TOO_DEEP } from '../core/model/json-text.js';

/** The keys and indexes that lead from the document to a value. */
type Path = readonly (string | number)[];

/**
 * Returns a caller's value as JSON. `toJSON` methods are applied, bigints become numbers, and properties that are
 * undefined are left out.
 * @throws DevstateError USAGE: the value, or one in it, is not JSON, contains itself, or is nested too deeply; or it has
 * too many values
 */
export function toJsonValue(value: unknown): Json {
  return convert(value, '', [], [], { count: 0 });
}

/**
 * @param key the last of `path`, which `toJSON` methods are given
 * @param outer the objects and arrays that the value is in
 * @param separators how many commas and colons the text of the document has so far
 */
function convert(
  given: unknown,
  key: string,
  path: Path,
  outer: readonly object[],
  separators: { count: number },
): Json {
  const value = applyToJson(given, key, path);
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value)))
    return new LosslessNumber(String(value));
  if (isLosslessNumber(value)) return new LosslessNumber(value.value);
  if (!isPlain(value)) throw refusal(path, `${nameOf(value)} is not JSON`);
  if (outer.includes(value)) throw refusal(path, 'it is inside itself');
  if (outer.length === MAX_DOCUMENT_DEPTH) throw refusal(path, TOO_DEEP);
  const around = [...outer, value];
  const isArray = Array.isArray(value);
  separators.count += isArray ? value.length : 2 * Object.keys(value).length;
  refuseManySeparators(separators.count - 1);
  // `Array.from` also visits the holes of a sparse array.
  if (isArray)
    return Array.from(value, (item, i) => convert(item, String(i), [...path, i], around, separators));
  const object: JsonObject = {};
  for (const [name, member] of Object.entries(value)) {
    const inner = [...path, name];
    if (member !== undefined) setKey(object, name, convert(member, name, inner, around, separators));
  }
  return object;
}

/** @throws DevstateError USAGE: `toJSON` returned null, as that of an invalid date does */
function applyToJson(value: unknown, key: string, path: Path): unknown {
  const { toJSON } = (value ?? {}) as { toJSON?: unknown };
  if (typeof toJSON !== 'function') return value;
  const result: unknown = toJSON.call(value, key);
  if (result === null) throw refusal(path, `${nameOf(value)} is not JSON: its toJSON returned null`);
  return result;
}

/** Whether a value is an array, or an object whose content is its own properties; that of a Map, for example, is not. */
function isPlain(value: unknown): value is object {
  return (
    /^\[object (?:Object|Array)\]$/.test(Object.prototype.toString.call(value)) && typeof value === 'object'
  );
}

/** Returns what a value is, for an error message: `NaN`, `undefined`, `an invalid Date`, `a value of the type Map`. */
function nameOf(value: unknown): string {
  if (value instanceof Date && Number.isNaN(value.getTime())) return 'an invalid Date';
  if (value === undefined || typeof value === 'number') return String(value);
  const type = typeof value === 'object' ? Object.prototype.toString.call(value).slice(8, -1) : typeof value;
  return `a value of the type ${type}`;
}

function refusal(path: Path, why: string): DevstateError {
  const place = path.length === 0 ? '' : ` at ${quote(path.join('.'), 120)}`;
  return usageError(`a document must be JSON${place}: ${why}`);
}
