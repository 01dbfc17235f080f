/** Reads the history of a device: its changes in order, each with the differences that it made to the document. */
import { HISTORY_KINDS, type HistoryKind } from '../model/keyspace.js';
import { readDevice } from '../query/read-devices.js';
import { type Change, changes } from '../shadow/changes.js';
import type { Fleet } from '../store/fleet.js';
import type { HistoryEntry } from './history-entry.js';
import { readNewestEntries } from './newest-entries.js';

export interface HistoryOptions {
  /** The kinds of changes to return; default: all kinds. */
  kinds?: readonly HistoryKind[];
  /** Returns only changes at or after this time, epoch ms. */
  since?: number;
  /** Returns only changes at or before this time, epoch ms. */
  until?: number;
  /** Returns at most this many of the selected changes: the newest. */
  limit?: number;
}

export interface HistoryChange extends HistoryEntry {
  /**
   * The differences between the documents before and after the change; null: the document before is not known, or the
   * change is one of presence, which has no document.
   */
  changes: Change[] | null;
}

/**
 * Returns the changes of a device, oldest first. Changes of one kind are in the order of their version or `seq`.
 * @throws DevstateError NOT_FOUND, BAD_RECORD, USAGE, CONNECTION
 */
export async function readHistory(
  fleet: Fleet,
  id: string,
  options: HistoryOptions = {},
): Promise<HistoryChange[]> {
  await readDevice(fleet, id, []); // throws if the device is not registered
  return selectEntries(await readChanges(fleet, id, options), options);
}

/**
 * Reads at least the changes that the options select, oldest first. The result may have older and newer changes too:
 * `selectEntries` removes them.
 */
export async function readChanges(
  fleet: Fleet,
  id: string,
  { kinds = HISTORY_KINDS, since = 0, until = Infinity, limit = Infinity }: HistoryOptions,
): Promise<HistoryChange[]> {
  // One entry more than is selected is read: the differences of the first selected change are computed from the
  // document of the entry before it.
  const isEnough = (entries: readonly HistoryEntry[]) =>
    (entries[0]?.at ?? 0) < since || entries.filter(({ at }) => at <= until).length > limit;
  const lists = await Promise.all(kinds.map((kind) => readNewestEntries(fleet, id, kind, isEnough)));
  return sortByTime(lists.flatMap(withChanges));
}

/** Returns the entries sorted by time, oldest first. Entries of the same time keep their order. */
export function sortByTime<Entry extends HistoryEntry>(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => a.at - b.at);
}

/** Returns the entries whose time and number the options select. @param entries oldest first */
export function selectEntries<Entry extends HistoryEntry>(
  entries: readonly Entry[],
  { since = 0, until = Number.POSITIVE_INFINITY, limit }: HistoryOptions,
): Entry[] {
  const selected = entries.filter(({ at }) => at >= since && at <= until);
  return limit === undefined ? selected : selected.slice(-limit);
}

/**
 * Adds to each entry the differences between the documents before and after its change.
 * @param entries entries of one kind, oldest first
 */
export function withChanges(entries: readonly HistoryEntry[]): HistoryChange[] {
  return entries.map((entry, i) => {
    const before = documentBefore(entry, entries[i - 1]);
    return { ...entry, changes: entry.value && before ? changes(before, entry.value) : null };
  });
}

/** Returns the document as it was before the change of `entry`; null or undefined: that document is not known. */
function documentBefore(entry: HistoryEntry, previous: HistoryEntry | undefined) {
  if (entry.first) return {};
  const isNext = previous?.number === entry.number - 1 && entry.unknown === null;
  return isNext ? previous.value : null;
}
