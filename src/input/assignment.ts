/**
 * Parses an argument `KEY=VALUE` of a command line. The key ends at the first unescaped `=`; unescaped dots in it
 * separate the names of nested objects. The value is JSON if it parses as JSON, else a string; after `KEY:=` it
 * must be JSON.
 */
import { usageError } from '../core/model/errors.js';
import type { Json } from '../core/model/json.js';
import { MAX_DOCUMENT_DEPTH, TOO_DEEP } from '../core/model/json-text.js';
import { at, excerpt, type Notice, readJson } from './json.js';

export interface Assignment {
  /** The names of the objects that contain the key, outermost first; empty for a key of the document itself. */
  path: string[];
  key: string;
  value: Json;
}

/** Parses one argument `KEY=VALUE`. @throws DevstateError USAGE: the argument is not valid */
export function parseAssignment(arg: string, notice: Notice): Assignment {
  return at(excerpt(arg), () => {
    const { names, text, mustBeJson } = split(arg);
    if (names.includes('')) throw usageError('a key must not be empty');
    if (names.length > MAX_DOCUMENT_DEPTH) throw usageError(TOO_DEEP);
    return {
      path: names.slice(0, -1),
      key: names.at(-1) as string,
      value: readValue(text, mustBeJson, notice),
    };
  });
}

/** Matches one character of an argument, together with the backslash before it if it is escaped. */
const CHARACTER = /\\([.=:[\\])|./gsu;

function split(arg: string): { names: string[]; text: string; mustBeJson: boolean } {
  const names = [''];
  let afterColon = false;
  for (const { 0: piece, 1: escaped, index } of arg.matchAll(CHARACTER)) {
    const name = names.pop() as string;
    if (piece === '=') {
      return {
        names: [...names, afterColon ? name.slice(0, -1) : name],
        text: arg.slice(index + 1),
        mustBeJson: afterColon,
      };
    }
    if (piece === '[')
      throw usageError(
        'an array cannot be changed by index',
        'KEY=[1,2] replaces the array; or "\\[" for a key that holds "["',
      );
    if (piece === '\\') throw usageError('a backslash in a key escapes one of . = : [ \\');
    if (piece === '.') names.push(name, '');
    else names.push(name + (escaped ?? piece));
    afterColon = piece === ':';
  }
  throw usageError('not KEY=VALUE', 'a document is KEY=VALUE..., a JSON object, @FILE or -');
}

function readValue(text: string, mustBeJson: boolean, notice: Notice): Json {
  // A value that begins like an object, array or string must be valid JSON: stored as plain text, it would hide a
  // typing error.
  if (mustBeJson || /^\s*[{["]/.test(text)) return readJson(text, notice);
  try {
    return readJson(text, notice);
  } catch {
    return text;
  }
}
