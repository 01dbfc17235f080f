/** One direction of a connection through a fault proxy: passes on what one socket sends to another, with faults. */
import type { Socket } from 'node:net';

/** How a channel disturbs what passes through it. */
export interface Faults {
  /** The time for which each chunk is held, ms. */
  delayMs: number;
  /** A random time up to this one is added to each chunk's delay, ms. The order of the chunks stays. */
  jitterMs: number;
  /** Passes on single bytes, with this pause after each, ms; 0: whole chunks. */
  byteEveryMs: number;
  /**
   * Accepts everything and passes on nothing, a FIN or RST neither, as a broken path does. When it is false again,
   * all of it is passed on late, in order, even if the sender has closed its side meanwhile.
   */
  swallow: boolean;
  /** A FIN or RST of the sender is not passed on. */
  halfOpen: boolean;
  /** Ends the connection after `bytes` further bytes: the receiver gets a RST, or a FIN. */
  cut: { bytes: number; by: 'reset' | 'end' } | undefined;
}

export const NO_FAULTS: Faults = {
  delayMs: 0,
  jitterMs: 0,
  byteEveryMs: 0,
  swallow: false,
  halfOpen: false,
  cut: undefined,
};

interface Item {
  /** Bytes, or how the sender has ended the connection. */
  what: Buffer | 'end' | 'reset';
  /** Not passed on before this time of the monotonic clock, ms. */
  dueAt: number;
}

export class Channel {
  /** The number of bytes that the sender has sent. */
  seen = 0;
  /** The number of bytes that were passed on. */
  passed = 0;
  readonly #to: Socket;
  readonly #random: () => number;
  readonly #onChange: () => void;
  readonly #onCut: (by: 'reset' | 'end') => void;
  readonly #queue: Item[] = [];
  #faults: Faults;
  #isBlackHole = false;
  #bytesUntilCut = Number.POSITIVE_INFINITY;
  #nextByteAt = 0;
  #lastDueAt = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param random gives numbers from 0 to 1, for the jitter
   * @param onData called with each chunk before it is passed on; it may set faults that apply to this chunk
   * @param onChange called after each change of a count
   * @param onCut called when the fault `cut` ends the connection; `to` is ended by then
   */
  constructor(
    from: Socket,
    to: Socket,
    faults: Faults,
    random: () => number,
    onData: (chunk: Buffer) => void,
    onChange: () => void,
    onCut: (by: 'reset' | 'end') => void,
  ) {
    this.#to = to;
    this.#faults = faults;
    this.#random = random;
    this.#onChange = onChange;
    this.#onCut = onCut;
    this.set(faults);
    from.on('data', (chunk: Buffer) => {
      this.seen += chunk.length;
      onData(chunk);
      this.#add(chunk);
    });
    from.on('end', () => this.#add('end'));
    from.on('error', () => this.#add('reset'));
  }

  /** The number of bytes that were sent and not passed on. */
  get pending(): number {
    return this.seen - this.passed;
  }

  get isBlackHole(): boolean {
    return this.#isBlackHole;
  }

  /** Changes some of the faults. */
  set(faults: Partial<Faults>): void {
    this.#faults = { ...this.#faults, ...faults };
    if ('cut' in faults) this.#bytesUntilCut = faults.cut?.bytes ?? Number.POSITIVE_INFINITY;
    this.#pump();
  }

  /** Discards everything from now on, for ever. */
  blackHole(): void {
    this.#isBlackHole = true;
    this.discardPending();
  }

  /** Discards what was not passed on yet. */
  discardPending(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #add(what: Item['what']): void {
    if (!this.#isBlackHole) {
      const { delayMs, jitterMs } = this.#faults;
      this.#lastDueAt = Math.max(this.#lastDueAt, performance.now() + delayMs + this.#random() * jitterMs);
      this.#queue.push({ what, dueAt: this.#lastDueAt });
      this.#pump();
    }
    this.#onChange();
  }

  /** Passes on all that is due, and sets a timer for the next item. */
  #pump(): void {
    clearTimeout(this.#timer);
    for (;;) {
      const [item] = this.#queue;
      if (!item || this.#faults.swallow) return;
      const waitMs = Math.max(item.dueAt, this.#nextByteAt) - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(waitMs));
        return;
      }
      this.#passOn(item);
    }
  }

  #passOn(item: Item): void {
    if (typeof item.what === 'string') {
      this.#queue.shift();
      if (!this.#faults.halfOpen) finish(this.#to, item.what);
      return;
    }
    const { byteEveryMs, cut } = this.#faults;
    const count = Math.min(byteEveryMs > 0 ? 1 : item.what.length, this.#bytesUntilCut);
    const bytes = item.what.subarray(0, count);
    if (count === item.what.length) this.#queue.shift();
    else item.what = item.what.subarray(count);
    if (this.#to.writable && count > 0) this.#to.write(bytes);
    this.passed += count;
    this.#bytesUntilCut -= count;
    this.#nextByteAt = performance.now() + byteEveryMs;
    if (cut && this.#bytesUntilCut === 0) {
      this.blackHole();
      finish(this.#to, cut.by);
      this.#onCut(cut.by);
    }
    this.#onChange();
  }
}

/** Ends a connection with a FIN or a RST, after what was written to it. A unix socket has no RST: it is closed. */
export function finish(socket: Socket, how: 'end' | 'reset'): void {
  if (how === 'end') return void socket.end();
  const reset = () => {
    if (socket.destroyed) return;
    if (socket.remotePort === undefined) socket.destroy();
    else socket.resetAndDestroy();
  };
  if (socket.writable && socket.writableLength > 0) socket.write('', reset);
  else reset();
}
