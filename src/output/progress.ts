/** A spinner for people who wait: only on a terminal, only for what takes a while, leaving nothing behind. */
import type { Writable } from 'node:stream';

const QUICK_MS = 300;

export interface Spinner {
  stop(): void;
}

/** `enabled`: stderr is a terminal that takes escape sequences, and nobody asked for quiet. */
export function spinner(stderr: Writable & { columns?: number }, enabled: boolean, text: string): Spinner {
  // A pseudo-terminal that nobody sized has 0 columns; ora would count lines to clear for ever.
  if (!enabled || stderr.columns === 0) return { stop() {} };
  let stopped = false;
  let shown: Spinner | undefined;
  const timer = setTimeout(async () => {
    const { default: ora } = await import('ora');
    // Stdin is left alone: a command may read it. The caller knows the stream better than ora can guess.
    if (!stopped) shown = ora({ text, stream: stderr, isEnabled: true, discardStdin: false }).start();
  }, QUICK_MS);
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      shown?.stop();
    },
  };
}
