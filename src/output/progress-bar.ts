/**
 * The progress bar of a command that works through many devices. It shows how many are done, how many per second,
 * and the time left.
 */
import { drawAfter, type Terminal } from './terminal.js';
import { formatDuration } from './times.js';

const DELAY_MS = 300;
const BAR_WIDTH = 24;
const DRAWS_PER_SECOND = 5;

export interface Progress {
  /**
   * Sets the progress.
   * @param done the number of items done so far
   * @param measured how much of `total` is done, where `total` is not a number of items but, for example, of bytes
   * of a file; default `done`
   */
  update(done: number, measured?: number): void;
  stop(): void;
}

export interface ProgressBarOptions {
  /** The whole amount of work, in the unit of `measured`; undefined: neither a bar nor the time left is shown. */
  total?: number | undefined;
  /** Called before the bar is drawn for the first time, so that the caller can erase the spinner. */
  onDraw?: () => void;
}

export function progressBar(terminal: Terminal, { total, onDraw }: ProgressBarOptions = {}): Progress {
  const startMs = performance.now();
  let done = 0;
  let measured = 0;
  let redraw = () => {};
  const drawing = drawAfter(terminal, DELAY_MS, async () => {
    const { SingleBar, Format } = await import('cli-progress');
    const bar = new SingleBar({
      stream: terminal.stderr,
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false, // otherwise cli-progress would install its own handler of SIGINT, besides that of the program
      fps: DRAWS_PER_SECOND,
      barsize: BAR_WIDTH,
      barCompleteString: '='.repeat(BAR_WIDTH),
      barIncompleteString: '-'.repeat(BAR_WIDTH),
      format: (options, { progress }) => {
        const text = progressText({ done, measured, total, elapsedMs: performance.now() - startMs });
        return total === undefined ? text : `${Format.BarFormat(progress, options)} ${text}`;
      },
    });
    return () => {
      onDraw?.();
      bar.start(total ?? 0, measured);
      redraw = () => bar.update(measured);
      return bar;
    };
  });
  return {
    update(count, amount = count) {
      done = count;
      measured = amount;
      redraw();
    },
    stop() {
      redraw = () => {};
      drawing.stop();
    },
  };
}

/** Returns the text of the progress bar, for example `12000 done, 4000/s, 3s left`. */
export function progressText(state: {
  done: number;
  measured: number;
  total: number | undefined;
  elapsedMs: number;
}): string {
  const { done, measured, total, elapsedMs } = state;
  const parts = [`${done} done`, `${Math.round((done * 1000) / Math.max(elapsedMs, 1))}/s`];
  if (total !== undefined && measured > 0 && measured < total) {
    const secondsLeft = Math.ceil((elapsedMs * (total - measured)) / measured / 1000);
    parts.push(`${formatDuration(secondsLeft * 1000)} left`);
  }
  return parts.join(', ');
}
