/** JSON as Python's `json` module writes and reads it: with spaces, `\u` escapes, and integers of any length. */
import { isInteger, isLosslessNumber, LosslessNumber, parse } from 'lossless-json';

/** Returns the JSON of a value; a `LosslessNumber` is written with its own digits. */
export function dumps(value) {
  if (isLosslessNumber(value) || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map(dumps).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value).map(([key, inner]) => `${dumps(key)}: ${dumps(inner)}`);
    return `{${members.join(', ')}}`;
  }
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, escaped);
}

/** Parses JSON; an integer that a JavaScript number cannot hold becomes a bigint. */
export function loads(json) {
  return parse(json, null, (digits) =>
    isInteger(digits) && !Number.isSafeInteger(Number(digits)) ? BigInt(digits) : Number(digits),
  );
}

/** Parses JSON so that `dumps` writes its numbers as Python would: integers digit by digit, 1.0 as 1.0. */
export function loadsForWriting(json) {
  return parse(json, null, (digits) =>
    isInteger(digits) ? new LosslessNumber(digits) : floatNumber(Number(digits)),
  );
}

/** Returns a number as Python prints a float: 5 as `5.0`. */
export function floatText(value) {
  return String(value).replace(/^-?\d+$/, '$&.0');
}

/** Returns a number that `dumps` writes as a float. */
export function floatNumber(value) {
  return new LosslessNumber(floatText(value));
}

function escaped(codeUnit) {
  return `\\u${codeUnit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
