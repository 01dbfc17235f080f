/** A terminal of a test, with as much as ora and cli-progress ask for. */
import type { Terminal } from '../../src/output/terminal.js';
import { CapturedStream } from '../support/streams.js';

export class TerminalCapture extends CapturedStream {
  constructor(readonly columns = 80) {
    super(true);
  }
  cursorTo = () => true;
  moveCursor = () => true;
  cleared = 0;
  clearLine = () => {
    this.cleared += 1;
    return true;
  };
}

export function terminalOf(stderr: TerminalCapture, canDraw = true): Terminal {
  return { stderr, canDraw, isDrawn: false };
}

/** Resolves once the terminal shows the text; after 5 s without it, too. */
export async function shown(
  stderr: TerminalCapture,
  text: string,
  poll: () => void = () => {},
): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!stderr.text.includes(text) && Date.now() < deadline) {
    poll();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
