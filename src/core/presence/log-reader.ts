/**
 * The log of one partition's presence events, read from a place on. A stream is trimmed at
 * its old end, so a reader holds on to the entry it read last: if that is gone, what came
 * between may be gone too, and is named rather than passed over.
 */
import { DevstateError } from '../model/errors.js';
import type { Partition } from '../store/partition.js';
import { parseServerTime } from '../store/server-time.js';
import { isBefore, type LogPosition, positionAfter, positionAt } from './cursor.js';

/** After an event's id; or from a moment on (ms), by when events were logged. */
export type Since = { id: string } | { time: number };

/** A stretch of a log that was trimmed before it could be read. */
export interface Gap {
  /** An event's id, or the moment (ms) that was asked for. */
  after: string | number;
  /** The oldest event that is left; null: none. */
  before: string | null;
}

export type LogEntry = [id: string, fields: string[]];

export class LogReader {
  readonly #partition: Partition;
  readonly #onGap: (gap: Gap) => void;
  #place = positionAt(0);
  /** Whether the log reaches back to the place was looked into. */
  #told = false;

  /** @param partition a partition */
  constructor(partition: Partition, onGap: (gap: Gap) => void = () => {}) {
    this.#partition = partition;
    this.#onGap = onGap;
  }

  /** Where it ends, and when that was. */
  async end(): Promise<{ place: LogPosition; now: number }> {
    // By the clock that the log goes by, and asked first, so that nothing falls in between.
    const [time, newest] = await this.#partition.pipeline([
      ['time'],
      ['xrevrange', this.#partition.keys.log, '+', '-', 'COUNT', 1],
    ]);
    if (newest instanceof DevstateError) throw newest;
    const [entry] = newest as LogEntry[];
    const now = parseServerTime(time);
    return { place: entry ? positionAfter(entry[0]) : positionAt(now), now };
  }

  /** It goes on from here. */
  begin(place: LogPosition): void {
    this.#place = place;
  }

  /** The next entries, behind which it then stands; `more`: there may be others. */
  async next(count: number): Promise<{ entries: LogEntry[]; more: boolean }> {
    const entries = await this.#range(this.#place.id, count);
    const more = entries.length === count;
    if (!this.#place.isMoment && entries[0]?.[0] === this.#place.id) entries.shift();
    else if (!this.#told) await this.#tellGap(entries[0]?.[0] ?? null);
    const last = entries.at(-1);
    if (last) {
      this.#place = positionAfter(last[0]);
      this.#told = false;
    }
    return { entries, more };
  }

  /** Once for each place: whether what came before the next entry is there as well. */
  async #tellGap(next: string | null): Promise<void> {
    const { isMoment, ms } = this.#place;
    if (next === null && isMoment) return; // nothing was logged yet
    this.#told = true;
    const [oldest] = await this.#range('-', 1);
    const gone = oldest === undefined || isBefore(this.#place, positionAfter(oldest[0]));
    // An entry's id was in the log once, though it may have been begun anew since; of a moment nobody knows.
    if (gone && (!isMoment || (await this.#wasTrimmed())))
      this.#onGap({ after: isMoment ? ms : this.#place.id, before: next });
  }

  #range(from: string, count: number): Promise<LogEntry[]> {
    const { redis, keys } = this.#partition;
    return this.#partition.send(() => redis.xrange(keys.log, from, '+', 'COUNT', count));
  }

  /** Whether the log has lost entries; before Redis 7, which counts them: whether it is as long as it gets. */
  async #wasTrimmed(): Promise<boolean> {
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
