/**
 * The terminal on stderr, and what is drawn on its last line while a command works: the spinner or a progress bar,
 * never both. They are drawn only on a terminal, after a delay, and erased before anything else is printed.
 */
import type { Writable } from 'node:stream';

export interface Terminal {
  readonly stderr: Writable & { readonly columns?: number };
  /**
   * Whether a spinner or progress bar may be drawn: stderr is a terminal that obeys escape sequences, and `--quiet`
   * is not given.
   */
  readonly canDraw: boolean;
  /** Whether a spinner or progress bar is drawn now. Text for stderr must then erase it first (`aboveDrawing`). */
  isDrawn: boolean;
}

export interface Drawing {
  /** Erases the spinner or progress bar, or prevents it from being drawn if it has not been yet. */
  stop(): void;
}

export const NOTHING_DRAWN: Drawing = { stop() {} };

/**
 * Draws a spinner or progress bar after `delayMs` (ms), unless it is stopped before.
 * @param prepare loads the package that draws, and resolves to the function that draws
 */
export function drawAfter(
  terminal: Terminal,
  delayMs: number,
  prepare: () => Promise<() => Drawing>,
): Drawing {
  // Without the width of the terminal, the lines to erase could not be counted. So nothing is drawn if it is
  // unknown or 0.
  if (!terminal.canDraw || !terminal.stderr.columns) return NOTHING_DRAWN;
  let isStopped = false;
  let drawing: Drawing | undefined;
  const timer = setTimeout(async () => {
    const draw = await prepare();
    if (isStopped) return;
    drawing = draw();
    terminal.isDrawn = true;
  }, delayMs);
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
      if (drawing === undefined) return;
      drawing.stop();
      drawing = undefined;
      terminal.isDrawn = false;
    },
  };
}

/**
 * Returns text for stderr. If a spinner or progress bar is drawn, the sequence that erases it precedes the text;
 * its next update draws it again, below the text.
 */
export function aboveDrawing({ isDrawn }: Terminal, text: string): string {
  return isDrawn ? `\r\u001b[2K${text}` : text;
}
