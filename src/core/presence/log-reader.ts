/**
 * Reads the log of presence events of one partition, from a position on. Redis deletes the oldest entries of a log that
 * reaches its maximum length, and a failover or FLUSHALL may take the newest ones. So the reader checks that the entry it
 * read last is still in the log. If that entry is gone, the reader finds out whether later ones are missing too, and
 * reports a gap if they are or may be. A position beyond the end of the log is moved to its end.
 */
import { DevstateError } from '../model/errors.js';
import { withinLength } from '../model/identifiers.js';
import { AdaptiveCount, totalLength } from '../store/adaptive-count.js';
import type { Partition } from '../store/partition.js';
import { unfittingReply } from '../store/replies.js';
import { parseServerTime } from '../store/server-time.js';
import { type LogInfo, readLogInfo } from './log-info.js';
import {
  BEGINNING_ID,
  isBefore,
  type LogPosition,
  MAX_ID_PART,
  positionAfter,
  positionAt,
} from './log-position.js';

const MAX_ENTRIES = 1000;
/** The fewest entries that one read requests, however long they are: the first is the one that was read last. */
const MIN_ENTRIES = 10;

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
   * How many entries had ever been added to the log up to `#position`; undefined: not known yet; NaN: the server does
   * not count them. If the entry that the reader read last was deleted, this number shows whether later ones are
   * missing.
   */
  #added: number | undefined;
  /** How many entries to request, so that a reply is not too large: other programs may add entries of any size. */
  readonly #adaptiveCount = new AdaptiveCount(MAX_ENTRIES);

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
   * Reads at most `count` entries from the reader's position on, fewer if they are long, and moves the position after
   * them. Values that are too long for a presence event are cut off.
   * @returns hasMore: Redis returned as many entries as were requested, so the log may have more
   * @throws DevstateError CONNECTION, BAD_RECORD: the key is not a stream
   */
  async readNext(count: number): Promise<{ entries: LogEntry[]; hasMore: boolean }> {
    const requested = Math.min(count, Math.max(MIN_ENTRIES, this.#adaptiveCount.value));
    const entries = await this.#readEntries(requested);
    const hasMore = entries.length >= requested;
    if (entries.length > 0) await this.#moveAfter(entries, hasMore);
    else await this.#checkEnd();
    return { entries: entries.map(([id, fields]) => [id, fields.map(withinLength)]), hasMore };
  }

  /**
   * Moves the position after entries that were read from it on, and removes the entry of the position itself from them.
   * The server is asked before the position is moved and a gap is reported: if a request fails, the entries are read
   * again.
   */
  async #moveAfter(entries: LogEntry[], hasMore: boolean): Promise<void> {
    const isNext = !this.#position.isTime && entries[0]?.[0] === this.#position.id;
    if (isNext) entries.shift();
    const { gap, before } = isNext ? { before: this.#added } : await this.#findGap(entries);
    const last = entries.at(-1);
    const reached = last ? positionAfter(last[0]) : this.#position;
    let added = before === undefined ? undefined : before + entries.length;
    if (added === undefined && !hasMore) added = await this.#addedUpTo(reached);
    if (last) this.#checkMove(reached);
    this.#position = reached;
    this.#added = added;
    if (gap) this.#onGap(gap);
  }

  #checkMove(reached: LogPosition): void {
    if (reached.ms > MAX_ID_PART || reached.seq > MAX_ID_PART)
      throw new DevstateError(
        'BAD_RECORD',
        `${this.#partition.keys.log} holds an entry with the id ${reached.id}`,
      );
    // Without this check a server that gives the same entries again and again would keep the feed busy for ever.
    if (!isBefore(this.#position, reached) && !this.#position.isTime) throw unfittingReply('xrange');
  }

  /**
   * Finds out whether entries between the reader's position and the first of these entries were deleted from the log.
   * @returns before: how many entries had ever been added before the first of these; undefined: that is not known
   */
  async #findGap(entries: readonly LogEntry[]): Promise<{ gap?: Gap; before: number | undefined }> {
    const info = await readLogInfo(this.#partition);
    const { isTime, ms, id } = this.#position;
    const next = (entries[0] as LogEntry)[0];
    const before = info && addedBefore(entries, info);
    const isComplete =
      this.#added !== undefined && before !== undefined
        ? before === this.#added
        : isTime && info !== undefined && !(await this.#mayHaveLost(info));
    return { before, ...(!isComplete && { gap: { after: isTime ? ms : id, before: next } }) };
  }

  /** Called when the log has no entry at or after the reader's position. */
  async #checkEnd(): Promise<void> {
    const { id, isTime, ms } = this.#position;
    const info = await readLogInfo(this.#partition);
    const hasGrown = info !== undefined && (id === BEGINNING_ID || isBefore(this.#position, info.end));
    if (hasGrown && info.length > 0) return; // an entry was added meanwhile
    // Nothing is missing if the reader's entry is the newest that was ever added, or nothing was added since the time.
    const isMissing = isTime ? hasGrown : info?.end.id !== id;
    if (isMissing) this.#onGap({ after: isTime ? ms : id, before: null });
    this.#position = info ? info.end : { ...positionAt(0), ms };
    this.#added = info ? info.added : 0;
  }

  /** Returns how many entries were ever added up to a position; undefined: it is not the end of the log. */
  async #addedUpTo({ id }: LogPosition): Promise<number | undefined> {
    const info = await readLogInfo(this.#partition);
    return info?.end.id === id ? (info.added ?? Number.NaN) : undefined;
  }

  /** Reads entries from the reader's position on. After an error, such as a reply that was too large, fewer are read. */
  async #readEntries(count: number): Promise<LogEntry[]> {
    const { log } = this.#partition.keys;
    try {
      const entries = await this.#partition.ask('xrange', log, this.#position.id, '+', 'COUNT', count);
      this.#adaptiveCount.observe(entries.length, totalLength(entries.flatMap(([, fields]) => fields)));
      return entries;
    } catch (error) {
      this.#adaptiveCount.reset();
      throw error;
    }
  }

  /**
   * Returns whether entries after a time may have been deleted from the log. A server older than Redis 7 does not count
   * entries: there a log that has reached its maximum length is assumed to have lost some.
   */
  async #mayHaveLost({ length, added, oldestId }: LogInfo): Promise<boolean> {
    if (oldestId === undefined || !isBefore(this.#position, positionAfter(oldestId))) return false;
    return added === undefined ? length >= (await this.#partition.logCap()) : added > length;
  }
}

/**
 * Returns how many entries had ever been added to the log before the first of these entries, which were read before the
 * info; undefined: that is not known.
 */
function addedBefore(
  entries: readonly LogEntry[],
  { added, end, oldestId, length }: LogInfo,
): number | undefined {
  if (added === undefined) return undefined;
  if (entries.at(-1)?.[0] === end.id) return added - entries.length;
  return entries[0]?.[0] === oldestId ? added - length : undefined;
}
