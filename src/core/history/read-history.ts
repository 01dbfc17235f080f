/** The history of a device: its changes in order, with what each of them changed. */
import type { HistoryKind } from '../model/keyspace.js';
import { readDevice } from '../query/read-devices.js';
import { type Change, changes } from '../shadow/changes.js';
import type { Fleet } from '../store/fleet.js';
import { HISTORY_KINDS, type HistoryEntry } from './history-entry.js';
import { readNewestEntries } from './newest-entries.js';

export interface HistoryOptions {
  /** Default: all kinds. */
  kinds?: readonly HistoryKind[];
  /** Only changes at or after this time, epoch ms. */
  since?: number;
  /** Only changes at or before this time, epoch ms. */
  until?: number;
  /** Only this many changes: the newest. */
  limit?: number;
}

export interface HistoryChange extends HistoryEntry {
  /** The differences from the document before; null: that document is not known, or the kind is presence. */
  changes: Change[] | null;
}

/**
 * Returns the changes of a device, oldest first; of each kind in the order of their numbers.
 * @throws DevstateError NOT_FOUND, BAD_RECORD, USAGE, CONNECTION
 */
export async function readHistory(
  fleet: Fleet,
  id: string,
  options: HistoryOptions = {},
): Promise<HistoryChange[]> {
  await readDevice(fleet, id);
  return selectEntries(await readChanges(fleet, id, options), options);
}

/** Reads at least the changes that the options select, and maybe older and newer ones. Oldest first. */
export async function readChanges(
  fleet: Fleet,
  id: string,
  { kinds = HISTORY_KINDS, since = 0, until = Infinity, limit = Infinity }: HistoryOptions,
): Promise<HistoryChange[]> {
  // One entry more than is selected: the first change is computed from the document before it.
  const isEnough = (entries: readonly HistoryEntry[]) =>
    (entries[0]?.at ?? 0) < since || entries.filter(({ at }) => at <= until).length > limit;
  const lists = await Promise.all(kinds.map((kind) => readNewestEntries(fleet, id, kind, isEnough)));
  return sortByTime(lists.flatMap(withChanges));
}

/** Entries of the same time keep their order. */
export function sortByTime<Entry extends HistoryEntry>(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => a.at - b.at);
}

/** @param entries oldest first */
export function selectEntries<Entry extends HistoryEntry>(
  entries: readonly Entry[],
  { since = 0, until = Number.POSITIVE_INFINITY, limit }: HistoryOptions,
): Entry[] {
  const selected = entries.filter(({ at }) => at >= since && at <= until);
  return limit === undefined ? selected : selected.slice(-limit);
}

/** Adds the changes to entries of one kind, oldest first. */
export function withChanges(entries: readonly HistoryEntry[]): HistoryChange[] {
  return entries.map((entry, i) => {
    const before = documentBefore(entry, entries[i - 1]);
    return { ...entry, changes: entry.value && before ? changes(before, entry.value) : null };
  });
}

/** Returns the document that the entry's change was made to; null or undefined: it is not known. */
function documentBefore(entry: HistoryEntry, previous: HistoryEntry | undefined) {
  if (entry.first) return {};
  const isNext = previous?.number === entry.number - 1 && entry.unknown === null;
  return isNext ? previous.value : null;
}
