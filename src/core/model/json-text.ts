/** Checks of JSON text before it is parsed or stored: its depth, and characters that UTF-8 cannot represent. */

/** The most levels of objects and arrays within each other that a document may have; the document itself is one. */
export const MAX_DOCUMENT_DEPTH = 32;

export const TOO_DEEP = `nested too deeply: a document is at most ${MAX_DOCUMENT_DEPTH} levels deep`;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Returns the position at which JSON text has more than this many levels; -1: nowhere. It is called before the
 * parser, which recurses and would exhaust the stack. The text need not be valid JSON.
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

/** Returns whether the text has more than `count` opening brackets. This is fast, and false for most texts. */
function hasMoreBrackets(text: string, count: number): boolean {
  let found = 0;
  for (const bracket of '{[') {
    for (let i = text.indexOf(bracket); i >= 0; i = text.indexOf(bracket, i + 1)) {
      if (++found > count) return true;
    }
  }
  return false;
}

/** Returns the position of the closing quote, or the end of the text. */
function endOfString(text: string, from: number): number {
  let i = from;
  while (i < text.length && text.charCodeAt(i) !== QUOTE) i += text.charCodeAt(i) === BACKSLASH ? 2 : 1;
  return i;
}

/** Matches an escaped pair of surrogates, an escaped surrogate that is not of a pair (captured), or another escape. */
const ESCAPE = /\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)/gs;

/**
 * Returns the position of the first escaped surrogate that is not of a pair, such as `\ud800`; -1: there is none.
 * UTF-8 cannot represent it, so Redis would hold another character.
 */
export function loneSurrogateAt(text: string): number {
  if (!/\\u[dD][89a-fA-F]/.test(text)) return -1;
  for (const { 1: surrogate, index } of text.matchAll(ESCAPE)) if (surrogate !== undefined) return index;
  return -1;
}
