/**
 * The only way to stdout. Small writes are collected until there are 16,384 characters or the event loop turns,
 * so a fast list takes few system calls and a slow one does not hold a row back. One batch is in flight at a
 * time and the caller waits for it, so memory stays flat when the reader is slow. A reader that has closed
 * the pipe (`| head`) is not an error: `isClosed` becomes true. So it does if the command has been told to
 * end and the reader takes nothing for 300 ms.
 */
import type { Writable } from 'node:stream';

const BATCH_CHARACTERS = 16_384;
/** How long a write may take once the command has been told to end. */
const GRACE_MS = 300;
const CLOSED_PIPE = new Set(['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);

export interface StdoutWriter {
  /** Nothing is read any more; what is written is dropped. */
  readonly isClosed: boolean;
  /** The promise resolves once more may be written; undefined: at once. Rejects if an earlier write failed. */
  write(text: string): Promise<void> | undefined;
  /** Resolves once all text was handed over. Rejects if a write failed. */
  flush(): Promise<void>;
}

export interface StdoutWriterOptions {
  /** Aborted when the command is to end. */
  signal?: AbortSignal;
  /** Called before each batch is written. */
  beforeWrite?: () => void;
}

/** @param stream must call back from `write`, as every Writable does */
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
  /** Starts the timeout of the batch in flight, if there is a deadline. */
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
  else signal?.addEventListener('abort', setDeadline, { once: true });
  // The callback of the write gets the same error; without a listener the event would end the process.
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
      stream.once('close', giveUp); // a stream that is destroyed may never call back
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
      // A failure is kept: the next write that flushes, or flush(), rejects with it.
      scheduledFlush ??= setImmediate(() => flush().catch(() => {}));
      return undefined;
    },
    flush,
  };
}
