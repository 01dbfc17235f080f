/**
 * A bounded queue of rows between a producer and the printer, so that a slow reader of standard
 * output does not delay the producer. Rows that do not fit are dropped and counted.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

export interface PrintQueueOptions {
  /** Number of rows that may wait. */
  maxRows: number;
  /** Called when the first row is dropped since the queue was last empty. */
  onFull(): void;
  /** Called with the number of dropped rows when the queue is empty again, and at the end. */
  onDropped(count: number): void;
}

/** Rows printed before the event loop gets a turn, in which the producer may run. */
const ROWS_PER_TURN = 100;

export class PrintQueue<Row> implements AsyncIterable<Row> {
  readonly #options: PrintQueueOptions;
  readonly #rows: Row[] = [];
  #droppedCount = 0;
  #ended = false;
  #wake = () => {};

  constructor(options: PrintQueueOptions) {
    this.#options = options;
  }

  /**
   * Reads all rows as they come, whether or not they are printed. Rejects if `rows` throws; the
   * rows before the error are still printed.
   */
  async fill(rows: AsyncIterable<Row>): Promise<void> {
    try {
      for await (const row of rows) this.#add(row);
    } finally {
      this.#ended = true;
      this.#wake();
    }
  }

  #add(row: Row): void {
    if (this.#rows.length < this.#options.maxRows) this.#rows.push(row);
    else if (this.#droppedCount++ === 0) this.#options.onFull();
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row> {
    try {
      while (this.#rows.length > 0 || !this.#ended) {
        for (let printed = 0; printed < ROWS_PER_TURN && this.#rows.length > 0; printed++)
          yield this.#rows.shift() as Row;
        if (this.#rows.length === 0) {
          this.#reportDropped();
          if (!this.#ended) await this.#nextRow();
        }
        await nextTurn();
      }
    } finally {
      // The consumer may have stopped before the queue was empty: those rows are not printed.
      this.#droppedCount += this.#rows.length;
      this.#reportDropped();
    }
  }

  #nextRow(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #reportDropped(): void {
    if (this.#droppedCount > 0) this.#options.onDropped(this.#droppedCount);
    this.#droppedCount = 0;
  }
}
