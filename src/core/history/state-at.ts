/**
 * The state of a device at a past time, as far as it is known. Between two entries of the history the state is
 * that of the earlier entry, unless another program may have changed it. Programs other than devstate add no entries.
 * Their changes are recognised by what differs: the document in the record is not that of the newest entry, the last
 * heartbeat is later than devstate's deadline, or the registration is later than the last change. A change that
 * another program made and undid between two changes of devstate cannot be recognised.
 */
import type { DeviceRecord, Status } from '../model/device.js';
import { DevstateError, quote } from '../model/errors.js';
import type { JsonObject } from '../model/json.js';
import { HISTORY_KINDS, type HistoryKind } from '../model/keyspace.js';
import { parseStored } from '../model/stored-document.js';
import { readDevice } from '../query/read-devices.js';
import type { Fleet } from '../store/fleet.js';
import { type DocumentText, documentSpans } from './document-spans.js';
import { type HistoryEntry, lastChangeOf } from './history-entry.js';
import { readNewestEntries } from './newest-entries.js';
import { presenceSpans } from './presence-spans.js';
import { knownSince, registeredAtOf, type Span, stateIn } from './spans.js';

/** A device at the requested time. Null: not known, or it had not happened. Times are epoch ms. */
export interface PastState {
  /** The record as it is now: type, metadata and TTL have no history. */
  record: DeviceRecord;
  status: Status | null;
  /** When the last heartbeat was, if it was not after the requested time; null: that is not known, or was never. */
  lastSeen: number | null;
  reported: PastDocument | null;
  desired: PastDocument | null;
  presenceSeq: number;
  presenceAt: number | null;
  /**
   * For each kind of state that is not known at the requested time: the time from which on it is known; null: it is
   * not known now either.
   */
  unknown: Partial<Record<HistoryKind, number | null>>;
}

export interface PastDocument {
  value: JsonObject;
  version: number;
  /** When devstate last changed the document before the requested time, epoch ms; null: never. */
  at: number | null;
}

/**
 * Returns the state of a device at a past time.
 * @param time the requested time, epoch ms
 * @throws DevstateError NOT_FOUND: the device is not registered now, or was registered after that time; BAD_RECORD,
 *   USAGE, CONNECTION
 */
export async function stateAt(fleet: Fleet, id: string, time: number): Promise<PastState> {
  const { keys } = await fleet.partitionFor(id);
  // The deadline (the score of the device in the index) is read before the record. In the other order, a heartbeat
  // between the two reads would give an old record and a new deadline: a device that had timed out would seem online
  // until the new deadline.
  const [{ longestTtl }, score] = await Promise.all([
    fleet.settings(),
    fleet.ask('zscore', keys.activity, id),
  ]);
  const record = await readDevice(fleet, id);
  const lists = await Promise.all(HISTORY_KINDS.map((kind) => readUntil(fleet, record, kind, time)));
  if (time < registeredAtOf(record) && !wasRegisteredAgain(record, lists.flat())) {
    throw new DevstateError('NOT_FOUND', `device ${quote(id)} was not registered yet at that time`, {
      reason: 'REGISTERED_LATER',
      details: { registeredAt: registeredAtOf(record) },
    });
  }
  const [reportedEntries = [], desiredEntries = [], presenceEntries = []] = lists;
  const unknown: PastState['unknown'] = {};
  const select = <State>(kind: HistoryKind, spans: readonly Span<State>[]): State | null => {
    const state = stateIn(spans, time);
    if (state === null) unknown[kind] = knownSince(spans);
    return state;
  };
  const reported = select('reported', documentSpans(record, 'reported', reportedEntries));
  const desired = select('desired', documentSpans(record, 'desired', desiredEntries));
  const presence = select('presence', presenceSpans(record, presenceEntries, Number(score ?? 0), longestTtl));
  return {
    record,
    status: presence?.status ?? null,
    lastSeen: record.lastSeen !== null && record.lastSeen <= time ? record.lastSeen : null,
    reported: toDocument(id, 'the report', reported),
    desired: toDocument(id, 'the desired state', desired),
    presenceSeq: presence?.seq ?? 0,
    presenceAt: presence?.at ?? null,
    unknown,
  };
}

/**
 * Returns the newest history entries of one kind, at least back to the last one at or before `time`. Entries that were
 * added after the record was read are left out, because the record does not show their changes.
 */
async function readUntil(
  fleet: Fleet,
  record: DeviceRecord,
  kind: HistoryKind,
  time: number,
): Promise<HistoryEntry[]> {
  const isEnough = (entries: readonly HistoryEntry[]) => (entries[0]?.at ?? 0) <= time;
  const entries = await readNewestEntries(fleet, record.deviceId, kind, isEnough);
  return entries.filter(({ number }) => number <= lastChangeOf(record, kind).number);
}

/**
 * Returns whether another program registered the device again. Such a program replaces the registration time, so the
 * device then has changes that are older than its registration.
 */
function wasRegisteredAgain(record: DeviceRecord, entries: readonly HistoryEntry[]): boolean {
  const { reportedAt, desiredAt, presenceAt } = record;
  const times = [reportedAt, desiredAt, presenceAt, ...entries.map(({ at }) => at)];
  return times.some((at) => at !== null && at < registeredAtOf(record));
}

function toDocument(id: string, field: string, text: DocumentText | null): PastDocument | null {
  return text && { value: parseStored(id, field, text.json), version: text.version, at: text.at };
}
