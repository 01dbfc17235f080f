/**
 * Checks of JSON text before it is parsed or stored: how deeply it is nested, how many values it has, and whether it has
 * characters that UTF-8 cannot represent.
 */

/** The most levels of objects and arrays inside each other that a document may have; the document itself is level 1. */
export const MAX_DOCUMENT_DEPTH = 32;

export const TOO_DEEP = `nested too deeply: a document is at most ${MAX_DOCUMENT_DEPTH} levels deep`;

const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Returns the first position at which JSON text is nested more than `maxLevels` deep; -1: it is not. It must be called
 * before the text is parsed: the parser recurses, and very deep text would exhaust the stack. The text need not be
 * valid.
 */
export function tooDeepAt(text: string, maxLevels: number): number {
  if (!hasMoreBrackets(text, maxLevels)) return -1;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i + 1);
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1;
    else if ((code === OPEN_BRACE || code === OPEN_BRACKET) && ++depth > maxLevels) return i;
  }
  return -1;
}

/** Returns how many commas and colons JSON text has outside its strings. The text need not be valid. */
export function countSeparators(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i + 1);
    else if (code === COMMA || code === COLON) count += 1;
  }
  return count;
}

/**
 * Returns whether a text has more than `count` opening brackets, counting those in strings too. If it has no more, it
 * cannot be nested deeper than `count`, and `tooDeepAt` skips its slower exact check. That is so for most texts.
 */
function hasMoreBrackets(text: string, count: number): boolean {
  let found = 0;
  for (const bracket of '{[') {
    for (let i = text.indexOf(bracket); i >= 0; i = text.indexOf(bracket, i + 1)) {
      if (++found > count) return true;
    }
  }
  return false;
}

/**
 * Returns the position of the quote that closes a JSON string; if there is none, the length of the text or more.
 * @param from the position after the opening quote
 */
function endOfString(text: string, from: number): number {
  let i = from;
  while (i < text.length && text.charCodeAt(i) !== QUOTE) i += text.charCodeAt(i) === BACKSLASH ? 2 : 1;
  return i;
}

/**
 * Matches one escape in JSON text. A surrogate that is not part of a pair, such as `\ud800`, is captured; a pair and
 * any other escape are matched as a whole, so that no part of them is taken for a surrogate.
 */
const ESCAPE = /\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)/gs;

/**
 * Returns the position of the first escaped surrogate that is not part of a pair, such as `\ud800`; -1: there is none.
 * UTF-8 cannot represent half a pair: a program that parses the text and writes it again would write another character.
 */
export function loneSurrogateAt(text: string): number {
  if (!/\\u[dD][89a-fA-F]/.test(text)) return -1;
  for (const { 1: surrogate, index } of text.matchAll(ESCAPE)) if (surrogate !== undefined) return index;
  return -1;
}
