/**
 * What changed and when: each change of reported, of desired and of presence is one entry
 * in the device's list of that kind, written by the script that made the change. The lists
 * are capped, so what lies before their first entry is unknown, and said to be: a state is
 * never guessed.
 */
import type { DeviceRecord, PresenceReason, Status } from './device.js';
import { DevstateError, quote } from './errors.js';
import type { Command, Fleet } from './fleet.js';
import { isLosslessNumber, type Json, type JsonObject } from './json.js';
import type { HistoryKind } from './keyspace.js';
import { parseStored, readDevice } from './records.js';
import { type Change, changes } from './shadow.js';

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
  status: Status | null;
  reason: PresenceReason | null;
  /** Nothing but the registration came before it. */
  first: boolean;
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

/** An entry with what it changed; null: what was there before is not known any more. */
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
  const lists = await readLists(fleet, id, options.kinds ?? HISTORY_KINDS);
  return selectEntries(
    lists.flatMap(withChanges).sort((a, b) => a.at - b.at),
    options,
  );
}

/** Those of the time that is asked for, and of them the newest. */
export function selectEntries<Entry extends HistoryEntry>(
  entries: readonly Entry[],
  { since = 0, until = Number.POSITIVE_INFINITY, limit }: HistoryOptions,
): Entry[] {
  const within = entries.filter(({ at }) => at >= since && at <= until);
  return limit === undefined ? within : within.slice(-limit);
}

/** A device as it was; null is what is not known of that moment. */
export interface PastState {
  /** Type, metadata and TTL have no history: they are today's. */
  record: DeviceRecord;
  status: Status | null;
  lastSeen: number | null;
  reported: PastDocument | null;
  desired: PastDocument | null;
  presenceSeq: number;
  presenceAt: number | null;
  /** For each kind that is not known: from when on it is; null: never. */
  unknown: Partial<Record<HistoryKind, number | null>>;
}
export interface PastDocument {
  value: JsonObject;
  version: number;
  at: number | null;
}

/** The state at a moment (ms). @throws DevstateError NOT_FOUND: also where it was registered later */
export async function stateAt(fleet: Fleet, id: string, moment: number): Promise<PastState> {
  const record = await readDevice(fleet, id);
  if ((record.registeredAt ?? 0) > moment) {
    throw new DevstateError('NOT_FOUND', `device ${quote(id)} was registered later than that`, {
      hint: `it is registered since ${new Date(record.registeredAt as number).toISOString()}`,
    });
  }
  const [reported = [], desired = [], presence = []] = await readLists(fleet, id, HISTORY_KINDS);
  const past: PastState = {
    record,
    status: null,
    lastSeen: record.lastSeen !== null && record.lastSeen <= moment ? record.lastSeen : null,
    reported: null,
    desired: null,
    presenceSeq: 0,
    presenceAt: null,
    unknown: {},
  };
  past.reported = documentAt(past, 'reported', reported, moment, {
    value: () => parseStored(id, 'the report', record.reportedJson),
    version: record.reportedVersion,
    at: record.reportedAt,
  });
  past.desired = documentAt(past, 'desired', desired, moment, {
    value: () => parseStored(id, 'the desired state', record.desiredJson),
    version: record.desiredVersion,
    at: record.desiredAt,
  });
  presenceThen(past, presence, moment, await lapsedBefore(fleet, record, moment));
  return past;
}

/** The current document if it is not younger, else the last entry that is not, else unknown. */
function documentAt(
  past: PastState,
  kind: 'reported' | 'desired',
  entries: readonly HistoryEntry[],
  moment: number,
  current: { value: () => JsonObject; version: number; at: number | null },
): PastDocument | null {
  if ((current.at ?? 0) <= moment)
    return { value: current.value(), version: current.version, at: current.at };
  const entry = entries.findLast(({ at }) => at <= moment);
  if (entry) return { value: entry.value ?? {}, version: entry.number, at: entry.at };
  if (entries[0]?.first) return { value: {}, version: 0, at: null };
  past.unknown[kind] = entries[0]?.at ?? current.at;
  return null;
}

function presenceThen(
  past: PastState,
  entries: readonly HistoryEntry[],
  moment: number,
  lapsed: boolean,
): void {
  const { record } = past;
  const announcedOnline = record.presenceSeq % 2 === 1;
  if ((record.presenceAt ?? 0) <= moment) {
    // Another program keeps it alive, and nobody noted since when.
    if (record.status === 'online' && !announcedOnline) past.unknown.presence = null;
    else past.status = announcedOnline && !lapsed ? 'online' : 'offline';
    past.presenceSeq = record.presenceSeq;
    past.presenceAt = record.presenceAt;
    return;
  }
  const entry = entries.findLast(({ at }) => at <= moment);
  if (entry) {
    past.status = entry.status;
    past.presenceSeq = entry.number;
    past.presenceAt = entry.at;
  } else if (entries[0]?.first) {
    past.status = 'offline';
  } else {
    past.unknown.presence = entries[0]?.at ?? record.presenceAt;
  }
}

/** A lapse that nobody has announced yet counts from its deadline, as it will once it is. */
async function lapsedBefore(fleet: Fleet, record: DeviceRecord, moment: number): Promise<boolean> {
  if (record.status === 'online') return false;
  const deadline = await fleet.send(() => fleet.redis.zscore(fleet.keys.activity, record.deviceId));
  return Number(deadline ?? 0) <= moment;
}

/** What each entry of one list changed: against the one before it. */
function withChanges(entries: readonly HistoryEntry[]): HistoryChange[] {
  return entries.map((entry, i) => {
    const before = i > 0 ? entries[i - 1]?.value : entry.first ? {} : undefined;
    return { ...entry, changes: entry.value && before ? changes(before, entry.value) : null };
  });
}

async function readLists(fleet: Fleet, id: string, kinds: readonly HistoryKind[]): Promise<HistoryEntry[][]> {
  const commands: Command[] = kinds.map((kind) => ['lrange', fleet.keys.history(kind, id), 0, -1]);
  const lists = await fleet.pipeline(commands);
  return lists.map((list, i) => {
    if (list instanceof DevstateError) throw list;
    const kind = kinds[i] as HistoryKind;
    return (list as string[]).map((text) => decodeEntry(id, kind, text));
  });
}

function decodeEntry(id: string, kind: HistoryKind, text: string): HistoryEntry {
  const { at, version, seq, value, status, reason, first } = parseStored(id, `the ${kind} history`, text);
  return {
    deviceId: id,
    kind,
    at: numberOf(at),
    number: numberOf(kind === 'presence' ? seq : version),
    value: kind === 'presence' ? null : ((value ?? null) as JsonObject | null),
    status: status === 'online' || status === 'offline' ? status : null,
    reason: typeof reason === 'string' ? (reason as PresenceReason) : null,
    first: kind === 'presence' ? numberOf(seq) === 1 && reason !== 'observed' : first === true,
  };
}

function numberOf(value: Json | undefined): number {
  return isLosslessNumber(value) ? Number(value.value) : 0;
}
