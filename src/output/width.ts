/**
 * The width of a text on a terminal. string-width takes 45 ms to load, as long as a whole
 * `get`, so it is loaded only when a text beyond ASCII has to be measured.
 */
import { PRINTABLE_ASCII } from './escape.js';

let stringWidth: ((text: string) => number) | undefined;

/** Loads string-width if one of the texts needs it. Await this before `displayWidth` is called for them. */
export async function prepareWidth(texts: readonly string[]): Promise<void> {
  if (stringWidth === undefined && !texts.every((text) => PRINTABLE_ASCII.test(text))) {
    ({ default: stringWidth } = await import('string-width'));
  }
}

/** The number of terminal columns that the text takes: 2 for most East Asian characters and emoji. */
export function displayWidth(text: string): number {
  return stringWidth === undefined || PRINTABLE_ASCII.test(text) ? text.length : stringWidth(text);
}
