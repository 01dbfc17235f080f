/**
 * The logs of all partitions, read as one. Each keeps its order; of what is there at the
 * same time the events come by when they were logged. Read ahead is a bounded part of each,
 * and while one that may hold more has run dry nothing is handed out, for it may be next.
 * One that cannot be read, or is silent while the others answer, keeps them waiting once, and
 * for a moment: from then on it is tried beside them.
 */

import { settleWithStragglerTimeout, withTimeout } from '../async/timeouts.js';
import { DevstateError } from '../model/errors.js';
import type { PresenceEvent } from '../model/presence-event.js';
import { decodeLogEntry } from '../model/presence-event.js';
import type { Partition } from '../store/partition.js';
import { isTransient, mostSevere } from '../store/redis-errors.js';
import {
  entryId,
  formatCursor,
  isBefore,
  type LogPosition,
  parseCursor,
  positionAfter,
  positionAt,
} from './cursor.js';
import { type Gap, LogReader, type Since } from './log-reader.js';

/** How many entries are read at once, from all logs; and from one of very many. */
const CHUNK = 1000;
const LEAST_CHUNK = 100;
/** How long one is waited for after another has answered. */
const PATIENCE_MS = 1000;

interface Reading {
  readonly log: LogReader;
  /** There may be something new. */
  rung: boolean;
  /** There may be more than what was read. */
  more: boolean;
  /** Read, and not handed out. */
  readonly ahead: Ahead[];
  /** It is being read. */
  busy: boolean;
  /** Why it could not be read. */
  failure: unknown;
}

interface Ahead {
  readonly place: LogPosition;
  readonly fields: readonly string[];
}

export class MergedLog {
  readonly #readings: Reading[];
  /** Where what was handed out ends. */
  #places: LogPosition[] = [];
  readonly #chunk: number;
  readonly #onGap: (gap: Gap) => void;
  readonly #onBack: () => void;
  readonly #gaps: Gap[] = [];

  /**
   * @param onGap called for those of one look in a row, before their events are handed out
   * @param onBack one that could not be read has been read
   */
  constructor(partitions: readonly Partition[], onGap: (gap: Gap) => void = () => {}, onBack = () => {}) {
    const count = partitions.length;
    this.#chunk = Math.max(LEAST_CHUNK, Math.floor(CHUNK / count));
    this.#readings = partitions.map((partition, number) => {
      const name = (id: string) => entryId(id, number, count);
      const log = new LogReader(partition, ({ after, before }) =>
        this.#gaps.push({
          after: typeof after === 'string' ? name(after) : after,
          before: before === null ? null : name(before),
        }),
      );
      return { log, rung: true, more: false, ahead: [], busy: false, failure: undefined };
    });
    this.#onGap = onGap;
    this.#onBack = onBack;
  }

  /**
   * Where to begin; not given: at the end.
   * @throws DevstateError USAGE: it is no position in this fleet; CONNECTION: no log can be read
   */
  async open(since: Since | undefined): Promise<void> {
    const count = this.#readings.length;
    if (!since) this.#places = await this.#ends();
    else if ('id' in since) this.#places = parseCursor(since.id, count);
    else this.#places = new Array(count).fill(positionAt(since.time));
    for (const [i, { log }] of this.#readings.entries()) log.begin(this.#places[i] as LogPosition);
  }

  /** Of one that does not tell: what it logs from now on, by the earliest clock of the others. */
  async #ends(): Promise<LogPosition[]> {
    const ends: { place: LogPosition; now: number }[] = [];
    const failures: unknown[] = [];
    const asked = this.#readings.map(async ({ log }, i) => {
      try {
        ends[i] = await log.end();
      } catch (error) {
        failures.push(error);
      }
    });
    await settleWithStragglerTimeout(PATIENCE_MS, asked);
    const known = Object.values(ends);
    const failure = mostSevere(failures);
    if (failure !== undefined && (known.length === 0 || !isTransient(failure))) throw failure;
    const now = Math.min(...known.map((end) => end.now));
    return this.#readings.map((_, i) => ends[i]?.place ?? positionAt(now));
  }

  /** There may be something new in this partition; not given: in any. */
  ring(partition?: number): void {
    const rung = partition === undefined ? this.#readings : this.#readings.slice(partition, partition + 1);
    for (const reading of rung) reading.rung = true;
  }

  /** Reads where something new may be. Gives why some could not be, one for each. */
  async look(): Promise<unknown[]> {
    const due = this.#readings.filter(({ rung, more, busy }) => (rung || more) && !busy);
    const drained = due.filter(({ ahead }) => ahead.length <= this.#chunk / 2);
    for (const reading of due) {
      reading.more ||= !drained.includes(reading);
      reading.rung = false; // what rings from now on is another look's
    }
    const sound = drained.filter(({ failure }) => failure === undefined);
    for (const reading of drained) if (reading.failure !== undefined) void this.#read(reading);
    const reads = sound.map((reading) => this.#read(reading));
    if (reads.length > 0) await withTimeout(PATIENCE_MS, Promise.race(reads));
    if (reads.length > 0 && sound.every(({ busy }) => busy)) {
      // Whether it is these or the connection, the others tell, who were not rung.
      const others = this.#readings.filter(({ busy, failure }) => !busy && failure === undefined);
      sound.push(...others);
      reads.push(...others.map((reading) => this.#read(reading)));
    }
    await settleWithStragglerTimeout(PATIENCE_MS, reads);
    for (const reading of sound)
      if (reading.busy) fail(reading, new DevstateError('CONNECTION', 'timed out'));
    this.#tellGaps();
    return this.#readings.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  }

  async #read(reading: Reading): Promise<void> {
    reading.busy = true;
    try {
      const { entries, more } = await reading.log.next(this.#chunk);
      for (const [id, fields] of entries) reading.ahead.push({ place: positionAfter(id), fields });
      reading.more = more;
      if (reading.failure === undefined) return;
      reading.failure = undefined;
      this.#tellGaps();
      this.#onBack();
    } catch (error) {
      fail(reading, error);
    } finally {
      reading.busy = false;
    }
  }

  #tellGaps(): void {
    for (const gap of this.#gaps.splice(0)) this.#onGap(gap);
  }

  /** What can be handed out. */
  *events(): Generator<PresenceEvent> {
    for (let first = this.#first(); first !== undefined; first = this.#first()) {
      const { ahead } = this.#readings[first] as Reading;
      const { place, fields } = ahead.shift() as Ahead;
      this.#places[first] = place;
      yield decodeLogEntry(formatCursor(this.#places, first), fields);
    }
  }

  /** Whether there may be more, that a look would read. */
  get more(): boolean {
    return this.#readings.some(({ more }) => more);
  }

  /** The partition whose event is next; undefined: none is, or it is not known. */
  #first(): number | undefined {
    let first: number | undefined;
    let earliest: LogPosition | undefined;
    for (let i = 0; i < this.#readings.length; i++) {
      const { more, ahead } = this.#readings[i] as Reading;
      const place = ahead[0]?.place;
      if (!place) {
        if (more) return undefined;
      } else if (!earliest || isBefore(place, earliest)) [first, earliest] = [i, place];
    }
    return first;
  }
}

function fail(reading: Reading, error: unknown): void {
  reading.rung = true;
  reading.more = false; // the others do not wait for it
  reading.failure = error;
}
