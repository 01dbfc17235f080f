/**
 * How many columns of a terminal a text takes. string-width needs some 45 ms to load, as
 * long as devstate takes for a whole `get`, and only text beyond ASCII needs it.
 */
import { PRINTABLE_ASCII } from './escape.js';

let stringWidth: ((text: string) => number) | undefined;

/** To be awaited before these texts are measured. */
export async function prepareWidth(texts: readonly string[]): Promise<void> {
  if (stringWidth === undefined && !texts.every((text) => PRINTABLE_ASCII.test(text))) {
    ({ default: stringWidth } = await import('string-width'));
  }
}

export function displayWidth(text: string): number {
  return stringWidth === undefined || PRINTABLE_ASCII.test(text) ? text.length : stringWidth(text);
}
