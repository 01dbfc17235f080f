/**
 * The terminal on stderr and what is drawn on its last line while a command works: the spinner or a progress
 * bar, never both. It is drawn on a terminal only, after a delay, and erased before anything else is printed.
 */
import type { Writable } from 'node:stream';

export interface Terminal {
  readonly stderr: Writable & { readonly columns?: number };
  /** Whether stderr is a terminal that obeys escape sequences, and `--quiet` is not given. */
  readonly canDraw: boolean;
  /** Whether a spinner or a bar is drawn now. */
  isDrawn: boolean;
}

export interface Drawing {
  /** Erases it, or prevents it from being drawn. */
  stop(): void;
}

export const NOTHING_DRAWN: Drawing = { stop() {} };

/**
 * Draws something unless it is stopped within `delayMs`.
 * @param prepare loads what is needed; the function that it resolves to draws
 */
export function drawAfter(
  terminal: Terminal,
  delayMs: number,
  prepare: () => Promise<() => Drawing>,
): Drawing {
  // Without a known width, or with width 0, the lines to erase cannot be counted.
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

/** Text for stderr, preceded by the sequence that erases a drawn bar or spinner, which is then drawn again below. */
export function aboveDrawing({ isDrawn }: Terminal, text: string): string {
  return isDrawn ? `\r\u001b[2K${text}` : text;
}
