/**
 * History as it grows: a look each second, in which the record tells whether there is
 * anything new. What must hold: each entry once, told apart by its number and its moment,
 * because a device that is registered again counts from 1; and what the cap dropped
 * between two looks is said.
 */

import { WakeSignal } from '../async/wake-signal.js';
import type { DeviceRecord } from '../model/device.js';
import { DevstateError } from '../model/errors.js';
import type { HistoryKind } from '../model/keyspace.js';
import { type OutageListener, OutageNotice } from '../pubsub/outage-notice.js';
import { readDevice } from '../query/read-devices.js';
import type { Fleet } from '../store/fleet.js';
import {
  HISTORY_KINDS,
  type HistoryChange,
  type HistoryOptions,
  newestOf,
  readChanges,
  readNewestEntries,
  selectEntries,
  sortByTime,
  withChanges,
} from './entries.js';

export interface FollowOptions extends Omit<HistoryOptions, 'until'>, OutageListener {
  /** Ends it. */
  signal?: AbortSignal;
  /** So many entries were dropped before they could be read. */
  onDropped?: (kind: HistoryKind, count: number) => void;
  /** The device is not registered any more; it goes on should it be again. */
  onGone?: (error: DevstateError) => void;
}

const LOOK_EVERY_MS = 1000;

/** An entry, or 0 for none: what was read last of a kind. */
interface Mark {
  number: number;
  at: number | null;
}
type Marks = Map<HistoryKind, Mark>;

/**
 * What is asked for of what is there, then all that comes, until the signal aborts.
 * @throws DevstateError NOT_FOUND and CONNECTION at first, BAD_RECORD
 */
export async function* followHistory(
  fleet: Fleet,
  id: string,
  { signal, onDropped = () => {}, onGone = () => {}, ...options }: FollowOptions = {},
): AsyncGenerator<HistoryChange> {
  const bell = new WakeSignal(signal);
  const outage = new OutageNotice(options);
  const kinds = options.kinds ?? HISTORY_KINDS;
  let marks: Marks | undefined;
  let gone = false;
  try {
    while (!bell.stopped) {
      try {
        const look = marks ? lookAgain(fleet, id, kinds, marks) : firstLook(fleet, id, kinds, options);
        const found = await bell.orAborted(look);
        if (!found) return;
        outage.end();
        gone = false;
        marks = found.marks;
        for (const [kind, count] of found.dropped) onDropped(kind, count);
        yield* found.entries;
      } catch (error) {
        if (!marks || !(error instanceof DevstateError)) throw error;
        if (error.code === 'CONNECTION') outage.begin(error);
        else if (error.code !== 'NOT_FOUND') throw error;
        else {
          outage.end();
          if (!gone) onGone(error);
          gone = true;
        }
      }
      await bell.wait(LOOK_EVERY_MS);
    }
  } finally {
    bell.close();
  }
}

interface Look {
  entries: HistoryChange[];
  marks: Marks;
  dropped: [kind: HistoryKind, count: number][];
}

async function firstLook(
  fleet: Fleet,
  id: string,
  kinds: readonly HistoryKind[],
  options: HistoryOptions,
): Promise<Look> {
  const record = await readDevice(fleet, id);
  const entries = await readChanges(fleet, id, options);
  const marks = new Map(kinds.map((kind) => [kind, markOf(record, kind, entries)]));
  return { entries: selectEntries(entries, options), marks, dropped: [] };
}

async function lookAgain(
  fleet: Fleet,
  id: string,
  kinds: readonly HistoryKind[],
  marks: Marks,
): Promise<Look> {
  const record = await readDevice(fleet, id);
  const looks = kinds.map(async (kind): Promise<Look> => {
    const last = marks.get(kind) ?? NOTHING;
    const isLast = ({ number, at }: Mark) => number === last.number && at === last.at;
    if (isLast(newestOf(record, kind))) return { entries: [], marks: new Map([[kind, last]]), dropped: [] };
    const list = withChanges(await readNewestEntries(fleet, id, kind, (entries) => entries.some(isLast)));
    const mark = markOf(record, kind, list);
    const known = list.findIndex(isLast);
    const entries = list.slice(known + 1);
    const goesOn = known >= 0 || (list[0] ?? mark).number > last.number;
    const before = goesOn ? last.number : 0;
    const missing = entries[0] ? entries[0].number - before - 1 : mark.number - before;
    return { entries, marks: new Map([[kind, mark]]), dropped: missing > 0 ? [[kind, missing]] : [] };
  });
  const found = await Promise.all(looks);
  return {
    entries: sortByTime(found.flatMap(({ entries }) => entries)),
    marks: new Map(found.flatMap((look) => [...look.marks])),
    dropped: found.flatMap(({ dropped }) => dropped),
  };
}

const NOTHING: Mark = { number: 0, at: null };

/** The newest entry; without any, what the record says. */
function markOf(record: DeviceRecord, kind: HistoryKind, entries: readonly HistoryChange[]): Mark {
  return entries.findLast((entry) => entry.kind === kind) ?? newestOf(record, kind);
}
