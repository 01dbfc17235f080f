/**
 * A value that is read at first use and cached for some time. Callers during a read share its result. If the value
 * cannot be read again for a reason that may pass, or only slowly, the last value is used until it can be: work that
 * does not depend on the server of this value continues.
 */
import { withTimeout } from './timeouts.js';

/** How long `get` waits for a repeated read before it returns the last value. */
const READ_AGAIN_TIMEOUT_MS = 500;
/** How long the last value is used after a failed read, before the next attempt. */
const RETRY_AFTER_MS = 1000;

export interface CacheOptions<Value> {
  /** Reads the value. */
  read(): Promise<Value>;
  /** How long a value is cached, ms; 0: only callers during the read share it. */
  cachedForMs(value: Value): number;
  /** Whether an error of `read` may pass, so that the last value is used instead. */
  isTransient(error: unknown): boolean;
}

export class CachedValue<Value extends object> {
  readonly #options: CacheOptions<Value>;
  #value: Promise<Value> | undefined;
  /** The read that counts: a later read or `invalidate` replaces it, and then its result is ignored. */
  #reading: Promise<Value> | undefined;
  /** Until when `#value` is used; infinite during a read. */
  #validUntil = 0;

  constructor(options: CacheOptions<Value>) {
    this.#options = options;
  }

  /** Rejects with the error of `read`, if that is not transient or nothing was read before. */
  get(): Promise<Value> {
    if (this.#value && Date.now() < this.#validUntil) return this.#value;
    const last = this.#value;
    const reading = this.#options.read();
    this.#reading = reading;
    this.#validUntil = Number.POSITIVE_INFINITY;
    void this.#settle(reading, last);
    this.#value = last ? this.#orLast(reading, last) : reading;
    return this.#value;
  }

  /** The next `get` reads again. A read in progress is not cached. */
  invalidate(): void {
    this.#value = undefined;
    this.#reading = undefined;
  }

  async #settle(reading: Promise<Value>, last: Promise<Value> | undefined): Promise<void> {
    try {
      const value = await reading;
      if (this.#reading !== reading) return;
      const cachedForMs = this.#options.cachedForMs(value);
      if (cachedForMs === 0) return this.invalidate();
      // Callers of `get` may have got the last value meanwhile, because this read took too long for them.
      this.#value = reading;
      this.#validUntil = Date.now() + cachedForMs;
    } catch (error) {
      if (this.#reading !== reading) return;
      if (!last || !this.#options.isTransient(error)) return this.invalidate();
      this.#value = last;
      this.#validUntil = Date.now() + RETRY_AFTER_MS;
    }
  }

  /** Returns the value that is being read; the last one, if the read takes too long or fails for now. */
  async #orLast(reading: Promise<Value>, last: Promise<Value>): Promise<Value> {
    try {
      return (await withTimeout(READ_AGAIN_TIMEOUT_MS, reading)) ?? last;
    } catch (error) {
      if (this.#options.isTransient(error)) return last;
      throw error;
    }
  }
}
