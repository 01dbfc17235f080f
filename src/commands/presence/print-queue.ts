/**
 * A bounded queue of rows between a producer and the printer, so that a slow reader of standard
 * output does not delay the producer. Rows that do not fit are dropped and counted.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

export interface PrintQueueOptions {
  /** The number of rows that may wait to be printed; a further row is dropped. */
  maxRows: number;
  /** Called when the queue is full and a row is dropped; not called again before the queue has been empty. */
  onFull(): void;
  /** Called with the number of dropped rows when the queue is empty again, and at the end if rows were dropped. */
  onDropped(count: number): void;
}

/**
 * The number of rows printed before the event loop gets a turn, in which the producer runs. A larger number would
 * delay the producer, and with it the announcements of the detector.
 */
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
   * Puts the producer's rows into the queue as they come, without waiting for the printer. Rejects if `rows`
   * throws; the rows before the error are still printed.
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
      // The consumer may stop before the queue is empty. The rows left are then counted as dropped, because nobody
      // prints them.
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
