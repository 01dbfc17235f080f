/**
 * The one way to stdout. Small writes are gathered until 16 kB are there or the event loop
 * turns, so a fast list takes few system calls and a slow one never keeps a row back. One
 * batch is in flight at a time: whoever writes waits for a slow reader, and memory stays
 * flat. A reader that left (`| head`) is no error: `closed` says it, and so it does of one
 * that takes nothing though the program is to end.
 */
import type { Writable } from 'node:stream';

const BATCH = 16_384;
/** How long a reader may take, once the program is to end. */
const GRACE_MS = 300;
const GONE = new Set(['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);

export interface Sink {
  /** Nobody reads any more; what is written is dropped. */
  readonly closed: boolean;
  /** Resolves once more may be written; undefined: at once. */
  write(text: string): Promise<void> | undefined;
  /** Resolves once all is handed over. */
  flush(): Promise<void>;
}

/**
 * `stream` must call back from `write`, as every Writable does. `signal` says that the
 * program is to end.
 */
export function createSink(stream: Writable, signal?: AbortSignal): Sink {
  let pending = '';
  let closed = false;
  let failure: Error | undefined;
  let flight: Promise<void> | undefined;
  let turn: NodeJS.Immediate | undefined;
  let giveUpAt: number | undefined;
  let hurry = () => {};

  function settle(error: (Error & { code?: string }) | null | undefined): void {
    if (!error) return;
    if (GONE.has(error.code ?? '')) closed = true;
    else failure ??= error;
  }

  function end(): void {
    giveUpAt = performance.now() + GRACE_MS;
    hurry();
  }

  if (signal?.aborted) end();
  else signal?.addEventListener('abort', end, { once: true });
  // The callback of a write says the same; without a listener the event would end the process.
  stream.on('error', settle);

  function hand(): Promise<void> {
    const text = pending;
    pending = '';
    return new Promise((resolve) => {
      let patience: NodeJS.Timeout | undefined;
      const done = () => {
        clearTimeout(patience);
        stream.off('close', left);
        hurry = () => {};
        resolve();
      };
      const left = () => {
        closed = true;
        pending = '';
        done();
      };
      hurry = () => {
        if (giveUpAt !== undefined) patience = setTimeout(left, giveUpAt - performance.now());
      };
      hurry();
      stream.once('close', left); // a stream that is destroyed may never call back
      stream.write(text, (error) => {
        settle(error);
        done();
      });
    });
  }

  async function flush(): Promise<void> {
    clearImmediate(turn);
    turn = undefined;
    while (flight !== undefined || pending !== '') {
      flight ??= hand().then(() => {
        flight = undefined;
      });
      await flight;
    }
    if (failure !== undefined) throw failure;
  }

  return {
    get closed() {
      return closed || stream.destroyed;
    },
    write(text) {
      if (!closed) pending += text;
      if (pending.length >= BATCH) return flush();
      // A failure is kept, and thrown to whoever writes or flushes next.
      turn ??= setImmediate(() => flush().catch(() => {}));
      return undefined;
    },
    flush,
  };
}
