/**
 * The logs of all partitions, read as one sequence of events. The events of a log keep their order; events
 * of different logs are ordered by the time at which they were logged, as far as they have been read.
 * A limited number of entries of each log is read ahead. No event is returned while a log whose read-ahead
 * entries are used up may have more, because its next entry may be the earliest.
 * If a log cannot be read, or does not answer while others do, events of the other logs are held back once, for at
 * most `STRAGGLER_TIMEOUT_MS`. After that the log is read in the background until a read succeeds.
 */

import { settleWithStragglerTimeout, withTimeout } from '../async/timeouts.js';
import { validNumber } from '../model/numeric-options.js';
import { decodeLogEntry, type PresenceEvent } from '../model/presence-event.js';
import { timedOut } from '../store/network-errors.js';
import type { Partition } from '../store/partition.js';
import { entryId, formatCursor, parseCursor } from './cursor.js';
import { type BufferedEntry, LogBuffer } from './log-buffer.js';
import { readLogEnds } from './log-ends.js';
import { isBefore, type LogPosition, positionAt } from './log-position.js';
import { type Gap, LogReader, type Since } from './log-reader.js';

/**
 * How many log entries one read requests of all partitions together. In a fleet with more than
 * `READ_AHEAD / MIN_PER_LOG` partitions it requests more, because it requests at least `MIN_PER_LOG` of each partition.
 */
const READ_AHEAD = 1000;
/** The smallest number of entries that one read requests of the log of a partition. */
const MIN_PER_LOG = 100;
/** How long the events of logs that could be read are held back for a log that does not answer, ms. */
const STRAGGLER_TIMEOUT_MS = 1000;

export class MergedLog {
  readonly #logs: LogBuffer[];
  /** For the log of each partition, the position after the last of its events that was returned. */
  #positions: LogPosition[] = [];
  /** The number of entries that one read of a log requests. */
  readonly #chunk: number;
  readonly #onGap: (gap: Gap) => void;
  readonly #gaps: Gap[] = [];

  /**
   * @param onGap called when events were deleted from a log before they could be read; called before any later event
   *   of that log is returned
   * @param onRecovered called when a log whose read failed can be read again
   */
  constructor(
    partitions: readonly Partition[],
    onGap: (gap: Gap) => void = () => {},
    onRecovered = () => {},
  ) {
    const count = partitions.length;
    this.#chunk = Math.max(MIN_PER_LOG, Math.floor(READ_AHEAD / count));
    this.#onGap = onGap;
    this.#logs = partitions.map((partition, number) => {
      const eventId = (id: string) => entryId(id, number, count);
      const reader = new LogReader(partition, ({ after, before }) =>
        this.#gaps.push({
          after: typeof after === 'string' ? eventId(after) : after,
          before: before === null ? null : eventId(before),
        }),
      );
      return new LogBuffer(reader, () => {
        this.#reportGaps();
        onRecovered();
      });
    });
  }

  /**
   * Sets the position from which the events of each log are read. Must be called before `readNew`.
   * @param since the event or time to start after; undefined: starts at the end of each log, with new events only
   * @throws DevstateError USAGE: `since` is not an event id of this fleet, or not a time; CONNECTION: no log can be
   * read; BAD_RECORD
   */
  async open(since: Since | undefined): Promise<void> {
    const count = this.#logs.length;
    if (!since) {
      const readers = this.#logs.map(({ reader }) => reader);
      this.#positions = await readLogEnds(readers, STRAGGLER_TIMEOUT_MS);
    } else if ('id' in since) this.#positions = parseCursor(since.id, count);
    else {
      const time = validNumber('since.time', since.time, 0, Number.MAX_SAFE_INTEGER);
      this.#positions = new Array(count).fill(positionAt(time));
    }
    for (const [i, { reader }] of this.#logs.entries()) reader.startAt(this.#positions[i] as LogPosition);
  }

  /**
   * Notes that logs may have new entries, so that the next call of `readNew` reads them.
   * @param partition the number of the partition whose log may have changed; undefined: every log may have changed
   */
  markChanged(partition?: number): void {
    const changed = partition === undefined ? this.#logs : this.#logs.slice(partition, partition + 1);
    for (const log of changed) log.hasChanged = true;
  }

  /** Reads the logs that may have new entries. @returns the errors of the logs that cannot be read now */
  async readNew(): Promise<unknown[]> {
    const due = this.#takeDue();
    const healthy = due.filter(({ failure }) => failure === undefined);
    for (const log of due) if (log.failure !== undefined) void log.read(this.#chunk);
    await this.#readTogether(healthy);
    this.#reportGaps();
    return this.#logs.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  }

  /** Returns the logs to read now: those that may have unread entries, are not being read, and have room to read. */
  #takeDue(): LogBuffer[] {
    const due = this.#logs.filter(
      ({ hasChanged, hasMore, isReading }) => (hasChanged || hasMore) && !isReading,
    );
    const withRoom = due.filter(({ entries }) => entries.length <= this.#chunk / 2);
    for (const log of due) {
      log.hasMore ||= !withRoom.includes(log);
      log.hasChanged = false; // not after the read: a `markChanged` during the read must lead to another read
    }
    return withRoom;
  }

  /**
   * Reads logs at the same time. A log that does not answer within `STRAGGLER_TIMEOUT_MS` after another log gets the
   * error "timed out", so that the events of the logs that answered can be returned.
   */
  async #readTogether(healthy: readonly LogBuffer[]): Promise<void> {
    if (healthy.length === 0) return;
    const reading = [...healthy];
    const reads = reading.map((log) => log.read(this.#chunk));
    await withTimeout(STRAGGLER_TIMEOUT_MS, Promise.race(reads));
    if (reading.every(({ isReading }) => isReading)) {
      // None of the logs read this time has answered. The others are read too, to find out whether the connection or
      // these logs are at fault.
      const others = this.#logs.filter(({ isReading, failure }) => !isReading && failure === undefined);
      reading.push(...others);
      reads.push(...others.map((log) => log.read(this.#chunk)));
    }
    await settleWithStragglerTimeout(STRAGGLER_TIMEOUT_MS, reads);
    for (const log of reading) if (log.isReading) log.fail(timedOut());
  }

  #reportGaps(): void {
    for (const gap of this.#gaps.splice(0)) this.#onGap(gap);
  }

  /**
   * Returns the events that were read, in the order in which they were logged. Ends where a log has used up its entries
   * and may have more, because its next event may be the earliest.
   */
  *events(): Generator<PresenceEvent> {
    for (let next = this.#nextPartition(); next !== undefined; next = this.#nextPartition()) {
      const { entries } = this.#logs[next] as LogBuffer;
      const { position, fields } = entries.shift() as BufferedEntry;
      this.#positions[next] = position;
      yield decodeLogEntry(formatCursor(this.#positions, next), fields);
    }
  }

  /**
   * True: a log may have entries that the last call of `readNew` did not read, so `readNew` is to be called at once.
   * False: the caller may wait until a message arrives or the next poll is due.
   */
  get hasMore(): boolean {
    return this.#logs.some(({ hasMore }) => hasMore);
  }

  /**
   * Returns the number of the partition whose log has the earliest event that was read and not returned. Undefined:
   * there is no such event, or a log that may have an earlier one must be read first.
   */
  #nextPartition(): number | undefined {
    let next: number | undefined;
    let earliest: LogPosition | undefined;
    for (let i = 0; i < this.#logs.length; i++) {
      const { hasMore, entries } = this.#logs[i] as LogBuffer;
      const position = entries[0]?.position;
      if (!position) {
        if (hasMore) return undefined;
      } else if (!earliest || isBefore(position, earliest)) {
        next = i;
        earliest = position;
      }
    }
    return next;
  }
}
