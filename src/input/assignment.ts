/**
 * One `KEY=VALUE`. The key ends at the first unescaped `=`; unescaped dots nest. The value
 * is taken as it stands: JSON where it is JSON, else a string; `KEY:=VALUE` insists on JSON.
 */
import { usageError } from '../core/model/errors.js';
import { type Json, MAX_DOCUMENT_DEPTH, TOO_DEEP } from '../core/model/json.js';
import { at, excerpt, type Notice, readJson } from './json.js';

export interface Assignment {
  /** The objects on the way to the key. */
  path: string[];
  key: string;
  value: Json;
}

/** @throws DevstateError USAGE */
export function parseAssignment(arg: string, notice: Notice): Assignment {
  return at(excerpt(arg), () => {
    const { names, text, insist } = split(arg);
    if (names.includes('')) throw usageError('a key must not be empty');
    if (names.length > MAX_DOCUMENT_DEPTH) throw usageError(TOO_DEEP);
    return { path: names.slice(0, -1), key: names.at(-1) as string, value: readValue(text, insist, notice) };
  });
}

/** An escaped character, or any one. */
const PIECE = /\\([.=:[\\])|./gsu;

function split(arg: string): { names: string[]; text: string; insist: boolean } {
  const names = [''];
  let colon = false;
  for (const { 0: piece, 1: escaped, index } of arg.matchAll(PIECE)) {
    const name = names.pop() as string;
    if (piece === '=') {
      return {
        names: [...names, colon ? name.slice(0, -1) : name],
        text: arg.slice(index + 1),
        insist: colon,
      };
    }
    if (piece === '[')
      throw usageError('arrays are replaced whole', 'KEY=[1,2], or "\\[" for a key that holds "["');
    if (piece === '\\') throw usageError('a backslash in a key escapes one of . = : [ \\');
    if (piece === '.') names.push(name, '');
    else names.push(name + (escaped ?? piece));
    colon = piece === ':';
  }
  throw usageError('not KEY=VALUE', 'a document is KEY=VALUE..., a JSON object, @FILE or -');
}

function readValue(text: string, insist: boolean, notice: Notice): Json {
  // What begins like JSON was meant as JSON.
  if (insist || /^\s*[{["]/.test(text)) return readJson(text, notice);
  try {
    return readJson(text, notice);
  } catch {
    return text;
  }
}
