/**
 * The buffer of one partition's log of presence events: entries that were read from Redis and not returned by the feed
 * yet.
 */

import { type LogPosition, positionAfter } from './log-position.js';
import type { LogReader } from './log-reader.js';

export interface BufferedEntry {
  readonly position: LogPosition;
  /** The field names and values of the entry, in turn. */
  readonly fields: readonly string[];
}

export class LogBuffer {
  readonly reader: LogReader;
  /** The entries that were read and that the feed has not returned yet, oldest first. */
  readonly entries: BufferedEntry[] = [];
  /** True: entries may have been added to the log since it was last read, so it must be read. False: none are known. */
  hasChanged = true;
  /**
   * True: the log may have unread entries, because the last read was limited or the buffer had no room. False: the last
   * read reached the end of the log or failed, or there was no read yet.
   */
  hasMore = false;
  isReading = false;
  /** The error of the last read of the log; undefined: there was no error. */
  failure: unknown;
  readonly #onRecovered: () => void;

  /** @param onRecovered called when the log is read successfully after a read that failed */
  constructor(reader: LogReader, onRecovered: () => void) {
    this.reader = reader;
    this.#onRecovered = onRecovered;
  }

  /** Reads at most `count` entries of the log into the buffer. Never rejects: an error is stored in `failure`. */
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

  /**
   * Records that a read of this log failed. `hasChanged` becomes true, so that the log is read again later; `hasMore`
   * becomes false, so that events of the other partitions' logs are not held back for this log.
   */
  fail(error: unknown): void {
    this.hasChanged = true;
    this.hasMore = false;
    this.failure = error;
  }
}
