/**
 * Reads the log of presence events of one partition, from a position on. Redis deletes the oldest
 * entries of a log that reaches its cap. The reader therefore checks that the entry it read last is still
 * in the log. If it is gone, later entries may have been deleted too: the reader reports a gap.
 */
import { DevstateError } from '../model/errors.js';
import type { Partition } from '../store/partition.js';
import { parseServerTime } from '../store/server-time.js';
import { isBefore, type LogPosition, positionAfter, positionAt } from './log-position.js';

/** Where to start: after the event with this id; or with the first event logged at or after a time (ms). */
export type Since = { id: string } | { time: number };

/** A part of a log that was deleted before it could be read. */
export interface Gap {
  /** The id of the last event before the gap; or the time, ms, from which events were requested. */
  after: string | number;
  /** The id of the first event after the gap; null: there is none yet. */
  before: string | null;
}

/** An entry as Redis returns it: its id, and its field names and values in turn. */
export type LogEntry = [id: string, fields: string[]];

export class LogReader {
  readonly #partition: Partition;
  readonly #onGap: (gap: Gap) => void;
  #position = positionAt(0);
  /** Whether a gap after `#position` has been looked for. */
  #isGapChecked = false;

  constructor(partition: Partition, onGap: (gap: Gap) => void = () => {}) {
    this.#partition = partition;
    this.#onGap = onGap;
  }

  /**
   * Returns the end of the log, and the server's time (ms) at which it was read.
   * @throws DevstateError CONNECTION, BAD_RECORD: the key is not a stream
   */
  async readEnd(): Promise<{ position: LogPosition; now: number }> {
    // TIME is sent first: were it second, it could be later than an entry that XREVRANGE did not see yet, and
    // the feed would skip that entry. It is asked of the log's server, whose clock the ids of entries follow.
    const [time, newest] = await this.#partition.pipeline([
      ['time'],
      ['xrevrange', this.#partition.keys.log, '+', '-', 'COUNT', 1],
    ]);
    if (newest instanceof DevstateError) throw newest;
    const [entry] = newest as LogEntry[];
    const now = parseServerTime(time);
    return { position: entry ? positionAfter(entry[0]) : positionAt(now), now };
  }

  /** Sets the position after which `readNext` reads. */
  startAt(position: LogPosition): void {
    this.#position = position;
  }

  /**
   * Reads at most `count` entries after the position, and moves the position after them.
   * @returns hasMore: `count` entries were read, so the log may have more
   * @throws DevstateError CONNECTION, BAD_RECORD: the key is not a stream
   */
  async readNext(count: number): Promise<{ entries: LogEntry[]; hasMore: boolean }> {
    const entries = await this.#readFrom(this.#position.id, count);
    const hasMore = entries.length === count;
    if (!this.#position.isTime && entries[0]?.[0] === this.#position.id) entries.shift();
    else if (!this.#isGapChecked) await this.#checkGap(entries[0]?.[0] ?? null);
    const last = entries.at(-1);
    if (last) {
      this.#position = positionAfter(last[0]);
      this.#isGapChecked = false;
    }
    return { entries, hasMore };
  }

  /** @param next the id of the first entry after the position; null: there is none */
  async #checkGap(next: string | null): Promise<void> {
    const { isTime, ms } = this.#position;
    if (next === null && isTime) return; // nothing has been logged since that time
    this.#isGapChecked = true;
    const [oldest] = await this.#readFrom('-', 1);
    const startsLater = oldest === undefined || isBefore(this.#position, positionAfter(oldest[0]));
    // An entry that was read and is gone was deleted. A log that starts after a time may simply be younger.
    if (startsLater && (!isTime || (await this.#hasLostEntries())))
      this.#onGap({ after: isTime ? ms : this.#position.id, before: next });
  }

  #readFrom(id: string, count: number): Promise<LogEntry[]> {
    const { redis, keys } = this.#partition;
    return this.#partition.send(() => redis.xrange(keys.log, id, '+', 'COUNT', count));
  }

  /**
   * Redis 7 counts the entries that were ever added. Older versions do not: there a log that has reached its
   * cap is taken as one that has lost entries.
   */
  async #hasLostEntries(): Promise<boolean> {
    const { redis, keys } = this.#partition;
    if ((await this.#partition.send(() => redis.exists(keys.log))) === 0) return true;
    const flat = (await this.#partition.send(() => redis.xinfo('STREAM', keys.log))) as unknown[];
    const info = new Map(
      flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]]] : [])) as [string, unknown][],
    );
    const length = Number(info.get('length'));
    if (info.has('entries-added')) return Number(info.get('entries-added')) > length;
    return length >= (await this.#partition.settings()).logCap;
  }
}
