/**
 * Writes the output of a command to stdout. Small writes are collected until there are 16,384 characters or the
 * event loop turns, so a fast list takes few system calls and a slow one does not hold a row back. One batch is
 * written at a time and the caller waits for it, so memory stays flat when the reader is slow. A reader that has
 * closed the pipe (`devstate list | head`) is not an error: `isClosed` becomes true. `isClosed` also becomes true if
 * the command has been told to end and the reader takes nothing for 300 ms.
 */
import type { Writable } from 'node:stream';
import { onAbort } from '../core/async/abort.js';

const BATCH_CHARACTERS = 16_384;
/**
 * The time that a write may still take after the command has been told to end, ms. After that the text is dropped,
 * so that a reader that takes nothing cannot keep the process alive.
 */
const GRACE_MS = 300;
const CLOSED_PIPE = new Set(['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);

export interface StdoutWriter {
  /**
   * True: the reader of stdout is gone, or has taken nothing for 300 ms after the command was told to end; text
   * that is written is dropped. False: text is written.
   */
  readonly isClosed: boolean;
  /**
   * Writes text. The promise resolves once more text may be written; undefined: more may be written at once.
   * Rejects if an earlier write failed.
   */
  write(text: string): Promise<void> | undefined;
  /** Resolves once stdout has taken all text that was written. Rejects if a write failed. */
  flush(): Promise<void>;
}

export interface StdoutWriterOptions {
  /** The signal is aborted when the command is to end; the batch being written then has 300 ms. */
  signal?: AbortSignal;
  /** Called before each batch is written to stdout, so that the caller can erase the spinner. */
  beforeWrite?: () => void;
}

/**
 * Returns a writer for a stream.
 * @param stream must call back from `write`, as every Writable does
 */
export function createStdoutWriter(
  stream: Writable,
  { signal, beforeWrite }: StdoutWriterOptions = {},
): StdoutWriter {
  let pending = '';
  let isClosed = false;
  let failure: Error | undefined;
  let inFlight: Promise<void> | undefined;
  let scheduledFlush: NodeJS.Immediate | undefined;
  let deadlineMs: number | undefined;
  /** Starts the timeout of the batch that is being written, if the command has been told to end. */
  let startTimeout = () => {};

  function noteResult(error: (Error & { code?: string }) | null | undefined): void {
    if (!error) return;
    if (CLOSED_PIPE.has(error.code ?? '')) isClosed = true;
    else failure ??= error;
  }

  function setDeadline(): void {
    deadlineMs = performance.now() + GRACE_MS;
    startTimeout();
  }

  if (signal?.aborted) setDeadline();
  else onAbort(signal, setDeadline);
  // A failed write calls its callback and also emits an error event, which would end the process if it had no
  // listener. Both pass the same error, so it does not matter which is first.
  stream.on('error', noteResult);

  function writeBatch(): Promise<void> {
    const text = pending;
    pending = '';
    beforeWrite?.();
    return new Promise((resolve) => {
      let timeout: NodeJS.Timeout | undefined;
      const finish = () => {
        clearTimeout(timeout);
        stream.off('close', giveUp);
        startTimeout = () => {};
        resolve();
      };
      const giveUp = () => {
        isClosed = true;
        pending = '';
        finish();
      };
      startTimeout = () => {
        if (deadlineMs !== undefined) timeout = setTimeout(giveUp, deadlineMs - performance.now());
      };
      startTimeout();
      stream.once('close', giveUp); // if the stream is destroyed, the callback of `write` may never come, so the event `close` ends the wait too
      stream.write(text, (error) => {
        noteResult(error);
        finish();
      });
    });
  }

  async function flush(): Promise<void> {
    clearImmediate(scheduledFlush);
    scheduledFlush = undefined;
    while (inFlight !== undefined || pending !== '') {
      inFlight ??= writeBatch().then(() => {
        inFlight = undefined;
      });
      await inFlight;
    }
    if (failure !== undefined) throw failure;
  }

  return {
    get isClosed() {
      return isClosed || stream.destroyed;
    },
    write(text) {
      if (!isClosed) pending += text;
      if (pending.length >= BATCH_CHARACTERS) return flush();
      // The error of this flush can be ignored, because it is kept in `failure`, and the next `flush` rejects with
      // it.
      scheduledFlush ??= setImmediate(() => flush().catch(() => {}));
      return undefined;
    },
    flush,
  };
}
