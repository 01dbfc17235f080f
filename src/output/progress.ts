/**
 * For people who wait: a spinner, or how much is done, how fast, how long to go. Only on a
 * terminal, only for what takes a while, leaving nothing behind.
 */
import type { Writable } from 'node:stream';
import { durationText } from './times.js';

const QUICK_MS = 300;
const BAR_WIDTH = 24;

export interface Spinner {
  stop(): void;
}

export interface Progress {
  /** So many are done; `measured` says how much that is of the total, where it is not counted in them. */
  at(done: number, measured?: number): void;
  stop(): void;
}

export interface Terminal {
  stderr: Writable & { columns?: number };
  /** Stderr is a terminal that takes escape sequences, and nobody asked for quiet. */
  enabled: boolean;
  /** Something is shown there: who has a line to say there wipes it first (`wiped`). */
  busy?: boolean;
}

/** A line for the terminal, on which something may be shown that will be drawn again. */
export function wiped({ busy }: Terminal, line: string): string {
  return busy ? `\r\u001b[2K${line}` : line;
}

export function spinner(terminal: Terminal, text: string): Spinner {
  return afterAWhile(terminal, async () => {
    const { default: ora } = await import('ora');
    // Stdin is left alone: a command may read it. The caller knows the stream better than ora can guess.
    const options = { text, stream: terminal.stderr, isEnabled: true, discardStdin: false };
    return () => ora(options).start();
  });
}

/** @param total what `measured` comes to in the end; without it no time left is told */
export function progressBar(terminal: Terminal, total?: number): Progress {
  const start = performance.now();
  let [done, measured] = [0, 0];
  let draw = () => {};
  const shown = afterAWhile(terminal, async () => {
    const { SingleBar, Format } = await import('cli-progress');
    const bar = new SingleBar({
      ...{ stream: terminal.stderr, hideCursor: true, clearOnComplete: true, gracefulExit: false, fps: 5 },
      ...{
        barsize: BAR_WIDTH,
        barCompleteString: '='.repeat(BAR_WIDTH),
        barIncompleteString: '-'.repeat(BAR_WIDTH),
      },
      format: (options, { progress }) => {
        const text = progressText({ done, measured, total, elapsed: performance.now() - start });
        return total === undefined ? text : `${Format.BarFormat(progress, options)} ${text}`;
      },
    });
    return () => {
      bar.start(total ?? 0, measured);
      draw = () => bar.update(measured);
      return bar;
    };
  });
  return {
    at(count, amount = count) {
      [done, measured] = [count, amount];
      draw();
    },
    stop() {
      draw = () => {};
      shown.stop();
    },
  };
}

/** `12000 done, 4000/s, 3s left`. Times in ms. */
export function progressText(state: {
  done: number;
  measured: number;
  total: number | undefined;
  elapsed: number;
}): string {
  const { done, measured, total, elapsed } = state;
  const words = [`${done} done`, `${Math.round((done * 1000) / Math.max(elapsed, 1))}/s`];
  if (total !== undefined && measured > 0 && measured < total)
    words.push(`${durationText(Math.ceil((elapsed * (total - measured)) / measured / 1000) * 1000)} left`);
  return words.join(', ');
}

/** Starts what `prepare` gives once a while has passed without an end. */
function afterAWhile(terminal: Terminal, prepare: () => Promise<() => { stop(): unknown }>): Spinner {
  // A pseudo-terminal that nobody sized has 0 columns; ora would count lines to clear for ever.
  if (!terminal.enabled || terminal.stderr.columns === 0) return { stop() {} };
  let stopped = false;
  let shown: { stop(): unknown } | undefined;
  const timer = setTimeout(async () => {
    const start = await prepare();
    if (stopped) return;
    shown = start();
    terminal.busy = true;
  }, QUICK_MS);
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      shown?.stop();
      terminal.busy = false;
    },
  };
}
