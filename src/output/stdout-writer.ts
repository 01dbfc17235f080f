/**
 * Writes the output of a command to stdout. Small writes are collected until there are 16,384 characters or the
 * event loop turns, so a fast list takes few system calls and a slow one does not hold a row back. One batch is
 * written at a time and the caller waits for it, so memory stays flat when the reader is slow.
 *
 * A reader that has left (`devstate list | head`) is no failure: text is dropped from then on. After any other error
 * (a full disk) the batch is lost, and the next batch is tried again.
 */
import type { Writable } from 'node:stream';
import { onAbort } from '../core/async/abort.js';
import { DevstateError } from '../core/model/errors.js';

const BATCH_CHARACTERS = 16_384;
/**
 * The time that a write may still take after the command has been told to end, ms. After that the text is dropped,
 * so that a reader that takes nothing cannot keep the process alive.
 */
const GRACE_MS = 300;
const CLOSED_PIPE = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);

export interface StdoutWriter {
  /**
   * Aborted when output is first lost: a write has failed, the reader of stdout is gone, or it has taken nothing for
   * 300 ms after the command was told to end. In the last two cases all further text is dropped.
   */
  readonly lost: AbortSignal;
  /** The error (OUTPUT) of the first write that failed; undefined: none has, apart from a reader that left. */
  readonly failure: DevstateError | undefined;
  /** Writes text. The promise resolves once more text may be written; undefined: more may be written at once. */
  write(text: string): Promise<void> | undefined;
  /** Resolves once stdout has taken, or refused, all text that was written. */
  flush(): Promise<void>;
}

export interface StdoutWriterOptions {
  /** The signal is aborted when the command is to end; the batch being written then has 300 ms. */
  signal?: AbortSignal;
  /** Called with an error (OUTPUT) when a write fails; not called again before a write has succeeded. */
  onFailure?: (error: DevstateError) => void;
  /** Called when a write has succeeded again, with the number of lines that were lost in between. */
  onRecovery?: (lostLines: number) => void;
}

/** The error of a write. `written`: how many bytes of the text reached stdout, where that is known. */
export type WriteError = Error & { code?: string; written?: number };

/**
 * Returns a writer for a stream.
 * @param stream must call back from `write`, as every Writable does
 */
export function createStdoutWriter(
  stream: Writable,
  { signal, onFailure = () => {}, onRecovery = () => {} }: StdoutWriterOptions = {},
): StdoutWriter {
  const lost = new AbortController();
  let pending = '';
  /** True: stdout takes no more text, and what is written is dropped. False: text is written. */
  let isClosed = false;
  let failure: DevstateError | undefined;
  let inFlight: Promise<void> | undefined;
  let scheduledFlush: NodeJS.Immediate | undefined;
  let deadlineMs: number | undefined;
  /** Starts the timeout of the batch that is being written, if the command has been told to end. */
  let startTimeout = () => {};
  /** Ends the wait for the batch that is being written. */
  let endBatch = () => {};
  /** The error of the last write that failed. */
  let lastError: WriteError | undefined;
  /** The error of the batch that is being written. */
  let batchError: WriteError | undefined;
  /** Whether the last batch was lost. */
  let isFailing = false;
  let lostLines = 0;
  /** The line break that ends a line of which only the beginning was written; else empty. */
  let lineEnd = '';

  // A failed write calls its callback and also emits an error event, which would end the process if it had no
  // listener. Both pass the same error; the event may come when the next batch is already being written.
  function noteError(error: WriteError | null | undefined): void {
    if (!error || error === lastError) return;
    lastError = error;
    if (CLOSED_PIPE.has(error.code ?? '')) close();
    else batchError = error;
  }

  function close(): void {
    isClosed = true;
    pending = '';
    endBatch();
    lost.abort();
  }

  function noteLoss(text: string, error: WriteError): void {
    const taken = error.written ?? 0;
    const written = Math.max(0, taken - lineEnd.length);
    const bytes = Buffer.from(text);
    lostLines += countLines(bytes.subarray(written));
    if (written > 0) lineEnd = bytes[written - 1] === LF ? '' : '\n';
    else if (taken >= lineEnd.length) lineEnd = '';
    if (isFailing) return;
    isFailing = true;
    const known = outputError(error);
    failure ??= known;
    onFailure(known);
    lost.abort();
  }

  function noteSuccess(): void {
    lineEnd = '';
    if (!isFailing) return;
    isFailing = false;
    onRecovery(lostLines);
    lostLines = 0;
  }

  function setDeadline(): void {
    deadlineMs = performance.now() + GRACE_MS;
    startTimeout();
  }

  if (signal?.aborted) setDeadline();
  else onAbort(signal, setDeadline);
  stream.on('error', noteError);
  stream.once('close', close); // if the stream is destroyed, the callback of `write` may never come

  function writeBatch(): Promise<void> {
    const text = pending;
    pending = '';
    batchError = undefined;
    return new Promise((resolve) => {
      let timeout: NodeJS.Timeout | undefined;
      endBatch = () => {
        clearTimeout(timeout);
        startTimeout = () => {};
        endBatch = () => {};
        if (batchError) noteLoss(text, batchError);
        else if (!isClosed) noteSuccess();
        resolve();
      };
      startTimeout = () => {
        if (deadlineMs !== undefined) timeout = setTimeout(close, deadlineMs - performance.now());
      };
      startTimeout();
      const end = endBatch;
      stream.write(lineEnd + text, (error) => {
        noteError(error);
        end();
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
  }

  return {
    lost: lost.signal,
    get failure() {
      return failure;
    },
    write(text) {
      if (!isClosed) pending += text;
      if (pending.length >= BATCH_CHARACTERS) return flush();
      scheduledFlush ??= setImmediate(flush);
      return undefined;
    },
    flush,
  };
}

const LF = 0x0a;

function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) count += 1;
  return count;
}

/** Returns the error that is printed. Node's message reads `ENOSPC: no space left on device, write`. */
function outputError(cause: WriteError): DevstateError {
  const [, reason = cause.message] = /^[A-Z]\w*: (.*), write$/.exec(cause.message) ?? [];
  return new DevstateError('OUTPUT', `cannot write to standard output: ${reason}`, { cause });
}
