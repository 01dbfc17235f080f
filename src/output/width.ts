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
 * Returns the number of terminal columns that a text takes: 2 for most East Asian characters and emoji, else 1 per
 * character.
 */
export function displayWidth(text: string): number {
  return stringWidth === undefined || PRINTABLE_ASCII.test(text) ? text.length : stringWidth(text);
}
