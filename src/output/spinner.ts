/**
 * The spinner of a command: appears on stderr when connecting and waiting for the first row
 * have taken 200 ms, and is erased before the first row is printed or when the command ends.
 */
import type { Ora } from 'ora';
import { type Drawing, drawAfter, NOTHING_DRAWN, type Terminal } from './terminal.js';

/** ora takes 28 ms to load, so a command that is done within this time does not load it. */
const DELAY_MS = 200;

export interface Spinner {
  /** Starts the 200 ms at the first call; later calls change the text. No effect after `stop`. */
  show(text: string): void;
  /** Erases the spinner. It does not appear again. */
  stop(): void;
}

export function createSpinner(terminal: Terminal): Spinner {
  let text = '';
  let drawing: Drawing | undefined;
  let spinner: Ora | undefined;

  async function prepare(): Promise<() => Drawing> {
    const { default: ora } = await import('ora');
    return () => {
      spinner = ora({
        text,
        stream: terminal.stderr,
        isEnabled: true,
        color: false, // ora's own chalk would decide about colours by itself
        discardStdin: false, // the command may read it
        // A hidden cursor makes ora handle SIGINT, which ends the process before the command has ended.
        hideCursor: false,
      });
      return spinner.start();
    };
  }

  return {
    show(next) {
      text = next;
      if (spinner) spinner.text = next;
      drawing ??= drawAfter(terminal, DELAY_MS, prepare);
    },
    stop() {
      drawing ??= NOTHING_DRAWN;
      drawing.stop();
    },
  };
}
