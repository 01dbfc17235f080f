/**
 * The log of presence events, read from a position on. A stream is trimmed at its old
 * end, so a reader holds on to the entry it read last: if that is gone, what came between
 * may be gone too, and is named rather than passed over.
 */
import type { PresenceEvent } from './device.js';
import { decodeLogEntry } from './dialect.js';
import type { Fleet } from './fleet.js';
import { serverTime } from './records.js';

/** After an event's id; or from a moment on (ms), by when events were logged. */
export type Since = { id: string } | { time: number };

/** A stretch of the log that was trimmed before it could be read. */
export interface Gap {
  /** An event's id, or the moment (ms) that was asked for. */
  after: string | number;
  /** The oldest event that is left; null: none. */
  before: string | null;
}

type Entry = [id: string, fields: string[]];
const CHUNK = 1000;
/** No entry's id, and before all that are. */
const BEGINNING = '0-0';

export class PresenceLog {
  readonly #fleet: Fleet;
  readonly #onGap: (gap: Gap) => void;
  #position = BEGINNING;
  /** The position as it was given: an entry's, or a moment (ms). */
  #after: string | number = 0;
  /** Whether the log reaches back to the position was looked into. */
  #told = false;

  constructor(fleet: Fleet, onGap: (gap: Gap) => void = () => {}) {
    this.#fleet = fleet;
    this.#onGap = onGap;
  }

  /** Where to begin: at the end, after an event, or at a moment. */
  async open(since: Since | undefined): Promise<void> {
    if (since === undefined) {
      const { redis, keys } = this.#fleet;
      const now = serverTime(await this.#fleet.send(() => redis.time())); // first, so that nothing falls in between
      const [newest] = await this.#fleet.send(() => redis.xrevrange(keys.log, '+', '-', 'COUNT', 1));
      if (newest) this.#move(newest[0]);
      else this.#begin(now);
    } else if ('time' in since) this.#begin(since.time);
    else if (since.id === BEGINNING) this.#begin(0);
    else this.#move(since.id);
  }

  /** The next events after the position; `more`: there may be others. It moves by `take`. */
  async next(): Promise<{ events: PresenceEvent[]; more: boolean }> {
    const entries = await this.#range(this.#position, CHUNK);
    const more = entries.length === CHUNK;
    if (entries[0]?.[0] === this.#after) entries.shift();
    else if (!this.#told) await this.#tellGap(entries[0]?.[0] ?? null);
    return { events: entries.map(([id, fields]) => decodeLogEntry(id, fields)), more };
  }

  /** This event has been handed out. */
  take({ id }: PresenceEvent): void {
    if (id !== null) this.#move(id);
  }

  #begin(time: number): void {
    this.#after = time;
    this.#position = `${Math.max(0, Math.floor(time))}-0`;
  }

  #move(id: string): void {
    this.#after = id;
    this.#position = id;
    this.#told = false;
  }

  /** Once for each position: whether what came before the next entry is there as well. */
  async #tellGap(next: string | null): Promise<void> {
    const after = this.#after;
    if (next === null && typeof after === 'number') return; // nothing was logged yet
    this.#told = true;
    const [oldest] = await this.#range('-', 1);
    const gone = oldest === undefined || isBefore(this.#position, oldest[0]);
    // An entry's id was in the log once, though it may have been begun anew since; of a moment nobody knows.
    if (gone && (typeof after === 'string' || (await this.#wasTrimmed())))
      this.#onGap({ after, before: next });
  }

  #range(from: string, count: number): Promise<Entry[]> {
    const { redis, keys } = this.#fleet;
    return this.#fleet.send(() => redis.xrange(keys.log, from, '+', 'COUNT', count));
  }

  /** Whether the log has lost entries; before Redis 7, which counts them: whether it is as long as it gets. */
  async #wasTrimmed(): Promise<boolean> {
    const { redis, keys } = this.#fleet;
    if ((await this.#fleet.send(() => redis.exists(keys.log))) === 0) return true;
    const flat = (await this.#fleet.send(() => redis.xinfo('STREAM', keys.log))) as unknown[];
    const info = new Map(
      flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]]] : [])) as [string, unknown][],
    );
    const length = Number(info.get('length'));
    if (info.has('entries-added')) return Number(info.get('entries-added')) > length;
    return length >= (await this.#fleet.settings()).logCap;
  }
}

/** Whether a position is before an entry. */
function isBefore(position: string, id: string): boolean {
  const [time = 0, seq = 0] = position.split('-').map(Number);
  const [entryTime = 0, entrySeq = 0] = id.split('-').map(Number);
  return time < entryTime || (time === entryTime && seq < entrySeq);
}
