/**
 * The colours of text on a terminal. Whether text is coloured is decided once, in cli/, from `--color`, NO_COLOR
 * and the terminal, never by chalk's own detection. chalk takes 3 ms to load, so a command without colours does not
 * load it.
 */

export type TextStyle = 'bold' | 'green' | 'red';

/** Returns the text in the style; the unchanged text if there is no style, or colours are off. */
export type Paint = (text: string, style: TextStyle | undefined) => string;

/** chalk's level for the 16 basic colours, which every terminal with colours has. */
const BASIC_COLORS = 1;

export async function loadPaint(isColorOn: boolean): Promise<Paint> {
  if (!isColorOn) return (text) => text;
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level: BASIC_COLORS });
  return (text, style) => (style === undefined ? text : chalk[style](text));
}
