/**
 * What changed and when: each change of reported, of desired and of presence that devstate
 * made is one entry in the device's list of that kind, written by the script that made the
 * change. The lists are capped, and other programs write none: where numbers do not follow
 * each other, or an entry says that somebody else had his hand in it, what was before it
 * is unknown, and said to be: nothing is ever guessed.
 */

import type { DeviceRecord, Status } from '../model/device.js';
import { isLosslessNumber, type Json, type JsonObject } from '../model/json.js';
import type { HistoryKind } from '../model/keyspace.js';
import type { PresenceReason } from '../model/presence-event.js';
import { parseStored } from '../model/stored-document.js';
import { readDevice } from '../query/read-devices.js';
import { type Change, changes } from '../shadow/changes.js';

import type { Fleet } from '../store/fleet.js';

export const HISTORY_KINDS: readonly HistoryKind[] = ['reported', 'desired', 'presence'];

export interface HistoryEntry {
  deviceId: string;
  kind: HistoryKind;
  /** When it changed, ms. */
  at: number;
  /** Of a document: the version that it became; of presence: its seq. */
  number: number;
  /** The document as it became, numbers digit for digit. */
  value: JsonObject | null;
  /** Its text, as it stood in the record. */
  valueJson: string | null;
  status: Status | null;
  reason: PresenceReason | null;
  /** Nothing but the registration came before it. */
  first: boolean;
  /** Between these moments, ms, another program may have made something else of it. */
  unknown: readonly [from: number, to: number] | null;
}

export interface HistoryOptions {
  kinds?: readonly HistoryKind[];
  /** Not before this moment, ms. */
  since?: number;
  /** Not after this moment, ms. */
  until?: number;
  /** The newest so many. */
  limit?: number;
}

/** An entry with what it changed; null: what was there before is not known. */
export interface HistoryChange extends HistoryEntry {
  changes: Change[] | null;
}

/**
 * The entries, oldest first, with what each changed. The order within a kind is that of
 * the versions. @throws DevstateError NOT_FOUND, BAD_RECORD
 */
export async function readHistory(
  fleet: Fleet,
  id: string,
  options: HistoryOptions = {},
): Promise<HistoryChange[]> {
  await readDevice(fleet, id);
  return selectEntries(await readChanges(fleet, id, options), options);
}

/** All that is needed to select from, oldest first. */
export async function readChanges(
  fleet: Fleet,
  id: string,
  { kinds = HISTORY_KINDS, since = 0, until = Infinity, limit = Infinity }: HistoryOptions,
): Promise<HistoryChange[]> {
  const reachesBack = (entries: readonly HistoryEntry[]) =>
    (entries[0]?.at ?? 0) < since || entries.filter(({ at }) => at <= until).length > limit;
  const lists = await Promise.all(kinds.map((kind) => readNewestEntries(fleet, id, kind, reachesBack)));
  return sortByTime(lists.flatMap(withChanges));
}

/** Of several kinds, as they happened. */
export function sortByTime<Entry extends HistoryEntry>(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => a.at - b.at);
}

/** Those of the time that is asked for, and of them the newest. */
export function selectEntries<Entry extends HistoryEntry>(
  entries: readonly Entry[],
  { since = 0, until = Number.POSITIVE_INFINITY, limit }: HistoryOptions,
): Entry[] {
  const within = entries.filter(({ at }) => at >= since && at <= until);
  return limit === undefined ? within : within.slice(-limit);
}

/** What each entry of one list changed: against the one before it. */
export function withChanges(entries: readonly HistoryEntry[]): HistoryChange[] {
  return entries.map((entry, i) => {
    const before = entry.first ? {} : follows(entry, entries[i - 1]) ? entries[i - 1]?.value : null;
    return { ...entry, changes: entry.value && before ? changes(before, entry.value) : null };
  });
}

/** Whether what the earlier entry says is what the later one changed. */
function follows(entry: HistoryEntry, before: HistoryEntry | undefined): boolean {
  return before?.number === entry.number - 1 && entry.unknown === null;
}

/** What the record says of the newest entry of a kind: its number, 0 for none, and its moment. */
export function newestOf(record: DeviceRecord, kind: HistoryKind): { number: number; at: number | null } {
  switch (kind) {
    case 'reported':
      return { number: record.reportedVersion, at: record.reportedAt };
    case 'desired':
      return { number: record.desiredVersion, at: record.desiredAt };
    case 'presence':
      return { number: record.presenceSeq, at: record.presenceAt };
  }
}

const CHUNK = 200;

/**
 * The newest entries of a list, oldest first: a chunk at a time, until they reach back as
 * far as is `enough`. The list grows and is trimmed meanwhile, so each chunk has to join
 * the one before it. @throws DevstateError BAD_RECORD
 */
export async function readNewestEntries(
  fleet: Fleet,
  id: string,
  kind: HistoryKind,
  enough: (entries: readonly HistoryEntry[]) => boolean,
): Promise<HistoryEntry[]> {
  const key = (await fleet.partitionFor(id)).keys.history(kind, id);
  let entries: HistoryEntry[] = [];
  let oldest: string | undefined;
  let place = 0; // of the oldest that was read, from the end
  for (;;) {
    const from = -(place + CHUNK);
    const chunk = await fleet.send(() => fleet.redis.lrange(key, from, -Math.max(place, 1)));
    const joint = oldest === undefined ? chunk.length : chunk.lastIndexOf(oldest);
    if (joint < 0) {
      entries = []; // it moved by more than a chunk, or is another list by now
      oldest = undefined;
      place = 0;
      continue;
    }
    const older = chunk.slice(0, joint);
    entries = [...older.map((text) => decodeEntry(id, kind, text)), ...entries];
    const overlap = oldest === undefined ? 0 : 1;
    place += chunk.length - overlap;
    oldest = older[0] ?? oldest;
    if (chunk.length < CHUNK + overlap || enough(entries)) return entries;
  }
}

function decodeEntry(id: string, kind: HistoryKind, text: string): HistoryEntry {
  const { at, version, seq, value, status, reason, first, unknown } = parseStored(
    id,
    `the ${kind} history`,
    text,
  );
  const isPresence = kind === 'presence';
  const number = numberOf(isPresence ? seq : version);
  const gap: HistoryEntry['unknown'] = Array.isArray(unknown)
    ? [numberOf(unknown[0]), numberOf(unknown[1])]
    : null;
  return {
    deviceId: id,
    kind,
    at: numberOf(at),
    number,
    value: isPresence ? null : ((value ?? null) as JsonObject | null),
    valueJson: isPresence ? null : (/"value":(.*)}$/s.exec(text)?.[1] ?? null),
    status: status === 'online' || status === 'offline' ? status : null,
    reason: typeof reason === 'string' ? (reason as PresenceReason) : null,
    first: isPresence ? number === 1 && gap === null : first === true,
    unknown: gap,
  };
}

function numberOf(value: Json | undefined): number {
  return isLosslessNumber(value) ? Number(value.value) : 0;
}
