/**
 * Something that is read at first use and kept for a while: who asks meanwhile shares the
 * answer. Whoever says it may be away, and that keeps nobody from what is elsewhere: what
 * was read last is good until it can be read again.
 */

import { isTransient } from '../store/redis-errors.js';
import { withTimeout } from './timeouts.js';

/** How long who asks again is waited for, where there is an older answer. */
const PATIENCE_MS = 500;
/** Until it is read again after a failure. */
const AGAIN_MS = 1000;

export class CachedValue<Value extends object> {
  readonly #read: () => Promise<Value>;
  readonly #keptFor: (value: Value) => number;
  #value: Promise<Value> | undefined;
  #reading: Promise<Value> | undefined;
  #until = 0;

  /** @param keptFor ms; 0: it is only for who asks while it is read */
  constructor(read: () => Promise<Value>, keptFor: (value: Value) => number) {
    this.#read = read;
    this.#keptFor = keptFor;
  }

  get(): Promise<Value> {
    if (this.#value && Date.now() < this.#until) return this.#value;
    const reading = this.#read();
    const old = this.#value;
    this.#reading = reading;
    this.#until = Number.POSITIVE_INFINITY;
    void this.#settle(reading, old);
    this.#value = old ? unlessAway(reading, old) : reading;
    return this.#value;
  }

  /** Also what is being read. */
  invalidate(): void {
    this.#value = undefined;
    this.#reading = undefined;
  }

  async #settle(reading: Promise<Value>, old: Promise<Value> | undefined): Promise<void> {
    try {
      const value = await reading;
      if (this.#reading !== reading) return;
      const keptFor = this.#keptFor(value);
      if (keptFor === 0) return this.invalidate();
      this.#value = reading; // though it may have come too late for who asked
      this.#until = Date.now() + keptFor;
    } catch (error) {
      if (this.#reading !== reading) return;
      if (!old || !isTransient(error)) return this.invalidate();
      this.#value = old;
      this.#until = Date.now() + AGAIN_MS;
    }
  }
}

/** What is read; what was, where that takes long or cannot be for now. */
async function unlessAway<Value extends object>(
  reading: Promise<Value>,
  old: Promise<Value>,
): Promise<Value> {
  try {
    return (await withTimeout(PATIENCE_MS, reading)) ?? old;
  } catch (error) {
    if (isTransient(error)) return old;
    throw error;
  }
}
