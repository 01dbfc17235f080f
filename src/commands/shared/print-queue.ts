/**
 * Rows between who makes them and who prints them, so that a reader which is slow, or
 * stalls, keeps nobody waiting: what does not fit is not printed, and counted.
 */
import { setImmediate as turn } from 'node:timers/promises';

export interface PrintQueueOptions {
  /** How many rows may wait. */
  most: number;
  /** From now on rows are left out, until what waits has been printed. */
  onFull(): void;
  /** So many were left out: told once what waited has been printed, or at the end. */
  onLeftOut(count: number): void;
}

/** How many rows are printed before others have their turn. */
const AT_ONCE = 100;

export class PrintQueue<T> implements AsyncIterable<T> {
  readonly #options: PrintQueueOptions;
  readonly #rows: T[] = [];
  #leftOut = 0;
  #ended = false;
  #wake = () => {};

  constructor(options: PrintQueueOptions) {
    this.#options = options;
  }

  /** Takes all rows as they come, whoever prints them. Rejects as they do; what came before is printed. */
  async fill(rows: AsyncIterable<T>): Promise<void> {
    try {
      for await (const row of rows) this.#add(row);
    } finally {
      this.#ended = true;
      this.#wake();
    }
  }

  #add(row: T): void {
    if (this.#rows.length < this.#options.most) this.#rows.push(row);
    else if (this.#leftOut++ === 0) this.#options.onFull();
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      while (this.#rows.length > 0 || !this.#ended) {
        for (let given = 0; given < AT_ONCE && this.#rows.length > 0; given++) yield this.#rows.shift() as T;
        if (this.#rows.length === 0) {
          this.#tell();
          if (!this.#ended) await this.#more();
        }
        await turn(); // who makes them goes first
      }
    } finally {
      // Nobody reads any more, perhaps.
      this.#leftOut += this.#rows.length;
      this.#tell();
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #tell(): void {
    if (this.#leftOut > 0) this.#options.onLeftOut(this.#leftOut);
    this.#leftOut = 0;
  }
}
