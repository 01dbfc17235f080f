/**
 * The one way to stdout. Small writes are gathered until 16 kB are there or the event loop
 * turns, so a fast list takes few system calls and a slow one never keeps a row back. One
 * batch is in flight at a time: whoever writes waits for a slow reader, and memory stays
 * flat. A reader that left (`| head`) is no error: `closed` says it.
 */
import type { Writable } from 'node:stream';

const BATCH = 16_384;
const GONE = new Set(['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);

export interface Sink {
  /** Nobody reads any more; what is written is dropped. */
  readonly closed: boolean;
  /** Resolves once more may be written. */
  write(text: string): Promise<void>;
  /** Resolves once all is handed over. */
  flush(): Promise<void>;
}

/** `stream` must call back from `write`, as every Writable does. */
export function createSink(stream: Writable): Sink {
  let pending = '';
  let closed = false;
  let failure: Error | undefined;
  let flight: Promise<void> | undefined;
  let turn: NodeJS.Immediate | undefined;

  function settle(error: (Error & { code?: string }) | null | undefined): void {
    if (!error) return;
    if (GONE.has(error.code ?? '')) closed = true;
    else failure ??= error;
  }

  // The callback of a write says the same; without a listener the event would end the process.
  stream.on('error', settle);

  function hand(): Promise<void> {
    const text = pending;
    pending = '';
    return new Promise((resolve) => {
      // A stream that is destroyed may never call back.
      const left = () => {
        closed = true;
        resolve();
      };
      stream.once('close', left);
      stream.write(text, (error) => {
        stream.off('close', left);
        settle(error);
        resolve();
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
    async write(text) {
      if (!closed) pending += text;
      if (pending.length >= BATCH) return flush();
      // A failure is kept, and thrown to whoever writes or flushes next.
      turn ??= setImmediate(() => flush().catch(() => {}));
    },
    flush,
  };
}
