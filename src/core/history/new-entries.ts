/**
 * Reads what was added to a history since the last read. The last entry that was read is remembered by its
 * number and its time: the number alone is not enough, because a device that is registered again counts from 1.
 */
import type { DeviceRecord } from '../model/device.js';
import type { HistoryKind } from '../model/keyspace.js';
import { readDevice } from '../query/read-devices.js';
import type { Fleet } from '../store/fleet.js';
import { lastChangeOf } from './history-entry.js';
import { readNewestEntries } from './newest-entries.js';
import {
  type HistoryChange,
  type HistoryOptions,
  readChanges,
  selectEntries,
  sortByTime,
  withChanges,
} from './read-history.js';

/** The last entry that was read of a kind; number 0: there was none. */
interface LastRead {
  number: number;
  at: number | null;
}
export type LastReads = ReadonlyMap<HistoryKind, LastRead>;

const NOTHING: LastRead = { number: 0, at: null };

export interface NewEntries {
  /** Oldest first. */
  entries: HistoryChange[];
  /** Pass it to the next `readNewEntries`. */
  lastReads: LastReads;
  /** For each kind, how many entries were deleted before they could be read. */
  dropped: [kind: HistoryKind, count: number][];
}

/** Reads the entries that the options select. @throws DevstateError NOT_FOUND, BAD_RECORD, USAGE, CONNECTION */
export async function readFirstEntries(
  fleet: Fleet,
  id: string,
  kinds: readonly HistoryKind[],
  options: HistoryOptions,
): Promise<NewEntries> {
  const record = await readDevice(fleet, id);
  const entries = await readChanges(fleet, id, options);
  const lastReads = new Map(kinds.map((kind) => [kind, lastReadOf(record, kind, entries)]));
  return { entries: selectEntries(entries, options), lastReads, dropped: [] };
}

/** Reads the entries added since. @throws DevstateError NOT_FOUND, BAD_RECORD, USAGE, CONNECTION */
export async function readNewEntries(
  fleet: Fleet,
  id: string,
  kinds: readonly HistoryKind[],
  lastReads: LastReads,
): Promise<NewEntries> {
  const record = await readDevice(fleet, id);
  const reads = kinds.map((kind) => readNewOfKind(fleet, record, kind, lastReads.get(kind) ?? NOTHING));
  const found = await Promise.all(reads);
  return {
    entries: sortByTime(found.flatMap(({ entries }) => entries)),
    lastReads: new Map(found.flatMap((each) => [...each.lastReads])),
    dropped: found.flatMap(({ dropped }) => dropped),
  };
}

/** The history is read only if the last change in the record is not the last that was read. */
async function readNewOfKind(
  fleet: Fleet,
  record: DeviceRecord,
  kind: HistoryKind,
  last: LastRead,
): Promise<NewEntries> {
  const isLast = ({ number, at }: LastRead) => number === last.number && at === last.at;
  if (isLast(lastChangeOf(record, kind)))
    return { entries: [], lastReads: new Map([[kind, last]]), dropped: [] };
  const newest = await readNewestEntries(fleet, record.deviceId, kind, (entries) => entries.some(isLast));
  const list = withChanges(newest);
  const lastRead = lastReadOf(record, kind, list);
  const knownIndex = list.findIndex(isLast);
  const entries = list.slice(knownIndex + 1);
  // A list that does not reach back to the last entry, and begins with a lower number, began again.
  const isContinued = knownIndex >= 0 || (list[0] ?? lastRead).number > last.number;
  const before = isContinued ? last.number : 0;
  const missing = entries[0] ? entries[0].number - before - 1 : lastRead.number - before;
  return { entries, lastReads: new Map([[kind, lastRead]]), dropped: missing > 0 ? [[kind, missing]] : [] };
}

/** The record has the last change also if the history has no entry, for instance because its maximum length is 0. */
function lastReadOf(record: DeviceRecord, kind: HistoryKind, entries: readonly HistoryChange[]): LastRead {
  return entries.findLast((entry) => entry.kind === kind) ?? lastChangeOf(record, kind);
}
