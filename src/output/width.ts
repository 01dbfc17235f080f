/**
 * The width of a text on a terminal. string-width takes 45 ms to load, as long as a whole
 * `get`, so it is loaded only when a text beyond ASCII has to be measured.
 */
import { PRINTABLE_ASCII } from './escape.js';

let stringWidth: ((text: string) => number) | undefined;

/**
 * Loads string-width if one of the texts is not printable ASCII. Must be awaited before `displayWidth` is called
 * for the texts.
 */
export async function prepareWidth(texts: readonly string[]): Promise<void> {
  if (stringWidth === undefined && !texts.every((text) => PRINTABLE_ASCII.test(text))) {
    ({ default: stringWidth } = await import('string-width'));
  }
}

/**
 * The length of the pieces that a text is measured in, characters. string-width takes quadratic time on a long chain
 * of joined emoji: 8 s for 128 KiB. Where a piece ends within such a chain, the width is off by a few columns.
 */
const PIECE = 1024;

/**
 * Returns the number of terminal columns that a text takes: 2 for most East Asian characters and emoji, else 1 per
 * character.
 */
export function displayWidth(text: string): number {
  if (stringWidth === undefined || PRINTABLE_ASCII.test(text)) return text.length;
  let width = 0;
  for (let start = 0; start < text.length; start += PIECE)
    width += stringWidth(text.slice(start, start + PIECE));
  return width;
}
