/**
 * Reads the entries that were added to the history of a device since the previous read. The last entry that was read
 * is remembered by its number and its time. The number alone is not enough, because the numbers begin at 1 again when
 * the device is registered again.
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

/** The last history entry of one kind that has been read; number 0: no entry has been read. */
interface LastRead {
  number: number;
  at: number | null;
}
export type LastReads = ReadonlyMap<HistoryKind, LastRead>;

const NOTHING: LastRead = { number: 0, at: null };

export interface NewEntries {
  /** The entries that were read, oldest first. */
  entries: HistoryChange[];
  /** What has been read until now, to be passed to the next call of `readNewEntries`. */
  lastReads: LastReads;
  /** For each kind of which entries were deleted before they could be read, the number of these entries. */
  dropped: [kind: HistoryKind, count: number][];
}

/**
 * Reads the history entries that the options select, as the first read of a history that is followed.
 * @throws DevstateError NOT_FOUND, BAD_RECORD, USAGE, CONNECTION
 */
export async function readFirstEntries(
  fleet: Fleet,
  id: string,
  kinds: readonly HistoryKind[],
  options: HistoryOptions,
): Promise<NewEntries> {
  const record = await readDevice(fleet, id, ['devstate']);
  const entries = await readChanges(fleet, id, options);
  const lastReads = new Map(kinds.map((kind) => [kind, lastReadOf(record, kind, entries)]));
  return { entries: selectEntries(entries, options), lastReads, dropped: [] };
}

/**
 * Reads the history entries added since the previous read.
 * @param lastReads the member `lastReads` of the result of the previous read
 * @throws DevstateError NOT_FOUND, BAD_RECORD, USAGE, CONNECTION
 */
export async function readNewEntries(
  fleet: Fleet,
  id: string,
  kinds: readonly HistoryKind[],
  lastReads: LastReads,
): Promise<NewEntries> {
  const record = await readDevice(fleet, id, ['devstate']);
  const reads = kinds.map((kind) => readNewOfKind(fleet, record, kind, lastReads.get(kind) ?? NOTHING));
  const found = await Promise.all(reads);
  return {
    entries: sortByTime(found.flatMap(({ entries }) => entries)),
    lastReads: new Map(found.flatMap((each) => [...each.lastReads])),
    dropped: found.flatMap(({ dropped }) => dropped),
  };
}

/**
 * Reads the new history entries of one kind. To save requests, the history is read only if the last change that the
 * device's record shows has not been read.
 * @param last the last entry of this kind that has been read
 */
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
  // If the history lacks the entry that was read last, and its first entry has no higher number, the device was
  // registered again and its numbers began at 1 again. Missing entries are then counted from number 1.
  const isContinued = knownIndex >= 0 || (list[0] ?? lastRead).number > last.number;
  const before = isContinued ? last.number : 0;
  const missing = entries[0] ? entries[0].number - before - 1 : lastRead.number - before;
  return { entries, lastReads: new Map([[kind, lastRead]]), dropped: missing > 0 ? [[kind, missing]] : [] };
}

/**
 * Returns what is remembered as the last entry of a kind: the newest entry; if the history has none, for instance
 * because its maximum length is 0, the last change that the device's record shows.
 */
function lastReadOf(record: DeviceRecord, kind: HistoryKind, entries: readonly HistoryChange[]): LastRead {
  return entries.findLast((entry) => entry.kind === kind) ?? lastChangeOf(record, kind);
}
