/**
 * A value, such as the settings of a fleet, that is read at first use and cached for some time. Callers during a read
 * share its result. If a repeated read is slow or fails for a reason that may pass (server down), the last value is
 * used until a read succeeds, so that work on other servers continues.
 */
import { withTimeout } from './timeouts.js';

/** After a failed read, the last value is used for this time before the value is read again, ms. */
const RETRY_AFTER_MS = 1000;

export interface CacheOptions<Value> {
  read(): Promise<Value>;
  /** When the value is out of date: how long `get` waits for a new one before it returns the last value, ms. */
  waitMs: number;
  /** How long this value is cached, ms; 0: not at all, so only callers during its read get it. */
  cachedForMs(value: Value): number;
  /**
   * Called with an error of `read`. True: its cause may pass, so `get` returns the last value. False: `get` rejects.
   */
  isTransient(error: unknown): boolean;
}

export class CachedValue<Value extends object> {
  readonly #options: CacheOptions<Value>;
  #value: Promise<Value> | undefined;
  /**
   * The newest read, whose result will be cached; undefined after `invalidate`, so that the result of a read that was
   * begun before is not cached.
   */
  #reading: Promise<Value> | undefined;
  /**
   * Until when `get` returns `#value`, ms on the clock of `performance.now()`; infinite during a read, so that callers
   * share the read.
   */
  #validUntil = 0;

  constructor(options: CacheOptions<Value>) {
    this.#options = options;
  }

  /** Returns the value. Rejects with the error of `read` if it is not transient, or if there is no last value. */
  get(): Promise<Value> {
    if (this.#value && performance.now() < this.#validUntil) return this.#value;
    const last = this.#value;
    const reading = this.#options.read();
    this.#reading = reading;
    this.#validUntil = Number.POSITIVE_INFINITY;
    void this.#settle(reading, last);
    this.#value = last ? this.#orLast(reading, last) : reading;
    return this.#value;
  }

  /** Makes the next `get` read the value again. The result of a read in progress will not be cached. */
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
      // If this read took longer than `waitMs`, `#value` has resolved with the last value. It is replaced,
      // so that `get` returns the newly read value from now on.
      this.#value = reading;
      this.#validUntil = performance.now() + cachedForMs;
    } catch (error) {
      if (this.#reading !== reading) return;
      if (!last || !this.#options.isTransient(error)) return this.invalidate();
      this.#value = last;
      this.#validUntil = performance.now() + RETRY_AFTER_MS;
    }
  }

  /**
   * Returns the value that is being read; or the last value, if the read takes too long or fails with a transient
   * error.
   */
  async #orLast(reading: Promise<Value>, last: Promise<Value>): Promise<Value> {
    try {
      return (await withTimeout(this.#options.waitMs, reading)) ?? last;
    } catch (error) {
      if (this.#options.isTransient(error)) return last;
      throw error;
    }
  }
}
