/** The log of one partition with the entries that were read ahead of the consumer. */

import { type LogPosition, positionAfter } from './log-position.js';
import type { LogReader } from './log-reader.js';

export interface BufferedEntry {
  readonly position: LogPosition;
  /** Field names and values in turn. */
  readonly fields: readonly string[];
}

export class LogBuffer {
  readonly reader: LogReader;
  /** Read, and not yet returned to the consumer; oldest first. */
  readonly entries: BufferedEntry[] = [];
  /** True: the log may have new entries since it was last read. */
  hasChanged = true;
  /** True: the log may have entries that the last read did not reach. */
  hasMore = false;
  isReading = false;
  /** The error of the last read; undefined: it succeeded. */
  failure: unknown;
  readonly #onRecovered: () => void;

  /** @param onRecovered called when a read succeeds after one that failed */
  constructor(reader: LogReader, onRecovered: () => void) {
    this.reader = reader;
    this.#onRecovered = onRecovered;
  }

  /** Reads at most `count` entries into the buffer. Never rejects: an error is stored in `failure`. */
  async read(count: number): Promise<void> {
    this.isReading = true;
    try {
      const { entries, hasMore } = await this.reader.readNext(count);
      for (const [id, fields] of entries) this.entries.push({ position: positionAfter(id), fields });
      this.hasMore = hasMore;
      if (this.failure === undefined) return;
      this.failure = undefined;
      this.#onRecovered();
    } catch (error) {
      this.fail(error);
    } finally {
      this.isReading = false;
    }
  }

  /** Records that a read failed. The log is read again later, and the other logs do not wait for it. */
  fail(error: unknown): void {
    this.hasChanged = true;
    this.hasMore = false;
    this.failure = error;
  }
}
