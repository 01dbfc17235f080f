/**
 * Stored data may hold anything: escape sequences that drive the terminal, line breaks that
 * forge rows, bidi overrides and invisible characters that show an id as another. Nothing
 * of that reaches a terminal or a line-based reader raw; every text on its way to stdout or
 * stderr passes one function of this file.
 */
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\p{Surrogate}]/gu;
/** Invisible, but needed to see the rest: what joins emoji, and letters of Arabic and Indic words. */
const JOINING = [
  String.raw`(?<=\p{Extended_Pictographic})\ufe0f`,
  String.raw`(?<=[0-9#*])\ufe0f(?=\u20e3)`,
  String.raw`(?<=\p{Extended_Pictographic}\ufe0f?|\p{Emoji_Modifier})\u200d(?=\p{Extended_Pictographic})`,
  String.raw`(?<=[\u0620-\u06ff\u0900-\u0dff])[\u200c\u200d](?=[\u0620-\u06ff\u0900-\u0dff])`,
].join('|');
const UNSEEN = String.raw`\u2028\u2029\p{Surrogate}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}`;
/** ASCII that shows itself. */
export const PRINTABLE_ASCII = /^[\u0020-\u007e]*$/;
// Within JSON strings C0 is escaped already, between them it is layout.
const PLAIN_JSON = /^[\n\u0020-\u007e]*$/;

/** Made when first needed: that takes a millisecond, and most text is plain. */
let patterns: { text: RegExp; json: RegExp } | undefined;

function unsafe() {
  patterns ??= {
    text: new RegExp(String.raw`(${JOINING})|[\u0000-\u001f\u007f-\u009f${UNSEEN}]`, 'gu'),
    json: new RegExp(String.raw`(${JOINING})|[\u007f-\u009f${UNSEEN}]`, 'gu'),
  };
  return patterns;
}

const SHORT: Record<string, string> = { '\n': '\\n', '\t': '\\t', '\r': '\\r' };

/**
 * Text for people, as one line: control and bidi characters, line separators, lone
 * surrogates and what nobody would see, escaped.
 */
export function escapeText(text: string): string {
  return PRINTABLE_ASCII.test(text) ? text : replace(text, unsafe().text, short);
}

/** An id for `-o name`: only what no valid id holds is escaped, so that devstate takes the line back. */
export function escapeName(text: string): string {
  return text.replace(CONTROLS, short);
}

/**
 * The same JSON, with what a terminal might obey and nobody would see written as `\uXXXX`.
 * @param escapeAs for another language that takes JSON's strings
 */
export function escapeJson(json: string, escapeAs = unicode): string {
  return PLAIN_JSON.test(json) ? json : replace(json, unsafe().json, escapeAs);
}

function replace(text: string, pattern: RegExp, escapeAs: (character: string) => string): string {
  return text.replace(pattern, (character, joining: string | undefined) => joining ?? escapeAs(character));
}

function short(character: string): string {
  return SHORT[character] ?? unicode(character);
}

function unicode(character: string): string {
  return Array.from({ length: character.length }, (_, i) => `\\u${hex(character.charCodeAt(i), 4)}`).join('');
}

export function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
