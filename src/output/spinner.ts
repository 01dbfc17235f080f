/**
 * The spinner of a command: appears on stderr when connecting and waiting for the first row
 * have taken 200 ms, and is erased before the first row is printed or when the command ends.
 */
import type { Ora } from 'ora';
import { type Drawing, drawAfter, NOTHING_DRAWN, type Terminal } from './terminal.js';

/**
 * The time before the spinner appears, ms. A command that is done by then does not load ora, which takes 28 ms to
 * load.
 */
const DELAY_MS = 200;

export interface Spinner {
  /** Sets the text. The first call starts the 200 ms after which the spinner appears. No effect after `stop`. */
  show(text: string): void;
  /** Erases the spinner, which then never appears again. */
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
        color: false, // otherwise ora would colour the spinner by its own rules, not by `--color` and NO_COLOR
        discardStdin: false, // ora must not read stdin, which the command may read
        // The cursor stays visible. To restore a hidden one, ora would handle SIGINT, and end the process before
        // the command has ended.
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
