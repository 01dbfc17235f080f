/**
 * Stored data may hold anything: escape sequences that drive the terminal, line breaks that
 * forge rows, bidi overrides that show an id as another. Nothing of that reaches a terminal
 * or a line-based reader raw; every text on its way to stdout passes one function of this file.
 */
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\p{Surrogate}]/gu;
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\p{Surrogate}]/gu;
// Without C0: within JSON strings it is escaped already, between them it is layout.
const JSON_UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\p{Surrogate}]/gu;

const SHORT: Record<string, string> = { '\n': '\\n', '\t': '\\t', '\r': '\\r' };

/** Text for people, as one line: control and bidi characters, line separators and lone surrogates escaped. */
export function visible(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT[character] ?? unicode(character));
}

/** An id for `-o name`: only what no valid id holds is escaped, so that devstate takes the line back. */
export function visibleName(text: string): string {
  return text.replace(CONTROLS, (character) => SHORT[character] ?? unicode(character));
}

/** The same JSON, with what a terminal might obey written as `\uXXXX`. */
export function jsonSafe(json: string): string {
  return json.replace(JSON_UNSAFE, unicode);
}

function unicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
