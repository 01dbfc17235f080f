/**
 * Reads the log of presence events of one partition, from a position on. Redis deletes the oldest
 * entries of a log that reaches its maximum length. The reader therefore checks that the entry it read last is still
 * in the log. If that entry is gone, later entries may have been deleted too: the reader reports a gap.
 */
import { DevstateError } from '../model/errors.js';
import type { Partition } from '../store/partition.js';
import { unfittingReply } from '../store/replies.js';
import { parseServerTime } from '../store/server-time.js';
import { isBefore, type LogPosition, positionAfter, positionAt } from './log-position.js';

/** Where a feed starts: after the event with this id; or with the first event logged at or after a time, epoch ms. */
export type Since = { id: string } | { time: number };

/** A gap in the events of a feed: events were deleted from a log before the feed could read them. */
export interface Gap {
  /** The id of the last event before the gap; or, if no event was read before, the requested start, epoch ms. */
  after: string | number;
  /** The id of the first event after the gap; null: no event has been logged after it yet. */
  before: string | null;
}

/** A log entry as Redis returns it: its id, and its field names and values in turn. */
export type LogEntry = [id: string, fields: string[]];

export class LogReader {
  readonly #partition: Partition;
  readonly #onGap: (gap: Gap) => void;
  #position = positionAt(0);
  /**
   * True: a gap after `#position` was looked for already, so that it is not reported twice. False: it must be looked
   * for, because the position has moved.
   */
  #isGapChecked = false;

  constructor(partition: Partition, onGap: (gap: Gap) => void = () => {}) {
    this.#partition = partition;
    this.#onGap = onGap;
  }

  /**
   * Returns the position of the end of the log, and the time of its server when the end was read, epoch ms.
   * @throws DevstateError CONNECTION, BAD_RECORD: the key is not a stream
   */
  async readEnd(): Promise<{ position: LogPosition; now: number }> {
    // TIME is sent before XREVRANGE. If it were sent after it, an entry could be added between the two commands,
    // and the feed, which may start at that time, would skip the entry. The log's own server is asked, because
    // the ids of log entries follow the clock of that server.
    const [time, newest] = await this.#partition.pipeline([
      ['time'],
      ['xrevrange', this.#partition.keys.log, '+', '-', 'COUNT', 1],
    ]);
    if (newest instanceof DevstateError) throw newest;
    const [entry] = newest as LogEntry[];
    const now = parseServerTime(time);
    return { position: entry ? positionAfter(entry[0]) : positionAt(now), now };
  }

  /** Sets the position in the log from which the next call of `readNext` reads. */
  startAt(position: LogPosition): void {
    this.#position = position;
  }

  /**
   * Reads at most `count` entries from the reader's position on, and moves the position after them.
   * @returns hasMore: Redis returned `count` entries, so the log may have more
   * @throws DevstateError CONNECTION, BAD_RECORD: the key is not a stream
   */
  async readNext(count: number): Promise<{ entries: LogEntry[]; hasMore: boolean }> {
    const entries = await this.#readFrom(this.#position.id, count);
    const hasMore = entries.length === count;
    if (!this.#position.isTime && entries[0]?.[0] === this.#position.id) entries.shift();
    else if (!this.#isGapChecked) await this.#checkGap(entries[0]?.[0] ?? null);
    const last = entries.at(-1);
    if (last) {
      const reached = positionAfter(last[0]);
      // Without this check a server that gives the same entries again would keep the feed for ever.
      if (!isBefore(this.#position, reached) && !this.#position.isTime) throw unfittingReply('xrange');
      this.#position = reached;
      this.#isGapChecked = false;
    }
    return { entries, hasMore };
  }

  /**
   * Reports a gap if entries after the reader's position have been deleted from the log.
   * @param next the id of the first entry that is in the log after the position; null: there is no such entry
   */
  async #checkGap(next: string | null): Promise<void> {
    const { isTime, ms } = this.#position;
    // The log has no event since the requested start, perhaps because there was none. Nothing is reported now; the check
    // is made again when the log has an event.
    if (next === null && isTime) return;
    this.#isGapChecked = true;
    const [oldest] = await this.#readFrom('-', 1);
    const startsLater = oldest === undefined || isBefore(this.#position, positionAfter(oldest[0]));
    // If the position is an entry and the log starts after it, that entry was deleted. If the position is a time and
    // the log starts after it, the log may simply have been empty at that time, so a gap is reported only if entries of
    // the log have been deleted.
    if (startsLater && (!isTime || (await this.#hasLostEntries())))
      this.#onGap({ after: isTime ? ms : this.#position.id, before: next });
  }

  #readFrom(id: string, count: number): Promise<LogEntry[]> {
    return this.#partition.ask('xrange', this.#partition.keys.log, id, '+', 'COUNT', count);
  }

  /**
   * Returns whether entries of the log have ever been deleted. Redis 7 counts the entries that were ever added. Older
   * versions do not: with them, a log that has reached its maximum length is assumed to have lost entries.
   */
  async #hasLostEntries(): Promise<boolean> {
    const { log } = this.#partition.keys;
    if ((await this.#partition.ask('exists', log)) === 0) return true;
    const flat = await this.#partition.ask('xinfo', 'STREAM', log);
    const info = new Map(
      flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]]] : [])) as [string, unknown][],
    );
    const length = Number(info.get('length'));
    if (info.has('entries-added')) return Number(info.get('entries-added')) > length;
    return length >= (await this.#partition.settings()).logCap;
  }
}
