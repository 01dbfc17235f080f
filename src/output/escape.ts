/**
 * Stored data may hold any text: escape sequences that control the terminal, line breaks that
 * look like further rows, bidi overrides and invisible characters that make one id look like
 * another. Every text for stdout or stderr must pass one of the functions of this file.
 */
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\p{Surrogate}]/gu;
/**
 * Matches invisible characters that are not escaped, because they join emoji, or letters of Arabic and Indic words.
 */
const JOINING = [
  String.raw`(?<=\p{Extended_Pictographic})\ufe0f`,
  String.raw`(?<=[0-9#*])\ufe0f(?=\u20e3)`,
  String.raw`(?<=\p{Extended_Pictographic}\ufe0f?|\p{Emoji_Modifier})\u200d(?=\p{Extended_Pictographic})`,
  String.raw`(?<=[\u0620-\u06ff\u0900-\u0dff])[\u200c\u200d](?=[\u0620-\u06ff\u0900-\u0dff])`,
].join('|');
const INVISIBLE = String.raw`\u2028\u2029\p{Surrogate}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}`;
/** Matches text that needs no escapes and takes one terminal column per character. */
export const PRINTABLE_ASCII = /^[\u0020-\u007e]*$/;
// Matches JSON text that needs no escapes. A line break needs none, because it can only be one between values:
// JSON.stringify has escaped those within strings.
const PRINTABLE_ASCII_JSON = /^[\n\u0020-\u007e]*$/;

/**
 * The patterns of the characters to escape. They are compiled at the first use, because that takes 1 ms and most
 * text is printable ASCII.
 */
let patterns: { text: RegExp; json: RegExp } | undefined;

function unsafe() {
  patterns ??= {
    text: new RegExp(String.raw`(${JOINING})|[\u0000-\u001f\u007f-\u009f${INVISIBLE}]`, 'gu'),
    json: new RegExp(String.raw`(${JOINING})|[\u007f-\u009f${INVISIBLE}]`, 'gu'),
  };
  return patterns;
}

const SHORT: Record<string, string> = { '\n': '\\n', '\t': '\\t', '\r': '\\r' };

/**
 * Returns text for people, as one line: control and bidi characters, line separators, lone surrogates and invisible
 * characters are escaped.
 */
export function escapeText(text: string): string {
  return PRINTABLE_ASCII.test(text) ? text : replace(text, unsafe().text, short);
}

/**
 * Returns an id for `-o name` into a pipe or file. Only characters that no valid id contains are escaped (control
 * characters, lone surrogates), so that other commands can read the line as the id.
 */
export function escapeName(text: string): string {
  return text.replace(CONTROLS, short);
}

/**
 * Escapes control, bidi and invisible characters of a JSON text as `\uXXXX`; the value of the JSON stays the same.
 * @param escapeAs returns the escape of one character; YAML needs its own, because its escapes differ beyond U+FFFF
 */
export function escapeJson(json: string, escapeAs = unicode): string {
  return PRINTABLE_ASCII_JSON.test(json) ? json : replace(json, unsafe().json, escapeAs);
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
