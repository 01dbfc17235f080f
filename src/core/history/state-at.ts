/**
 * The state at a moment, as far as it is known. A kind's past is a row of spans: each
 * entry holds until the next one, unless another program may have come in between. Such
 * programs leave no entries, only traces: a text that is not the one of the newest entry,
 * a device that was seen past the deadline that devstate gave it, a registration that is
 * younger than what came before. What they changed and changed back leaves none at all.
 */
import type { DeviceRecord, Status } from '../model/device.js';
import { DevstateError, quote } from '../model/errors.js';
import type { JsonObject } from '../model/json.js';
import type { HistoryKind } from '../model/keyspace.js';
import { parseStored } from '../model/stored-document.js';
import { readDevice } from '../query/read-devices.js';
import type { Fleet } from '../store/fleet.js';
import { HISTORY_KINDS, type HistoryEntry, newestOf, readNewestEntries } from './entries.js';

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
  /** For each kind that is not known: from when on, ms, it is known throughout; null: it is not known now. */
  unknown: Partial<Record<HistoryKind, number | null>>;
}
export interface PastDocument {
  value: JsonObject;
  version: number;
  at: number | null;
}

/** From a moment, ms, on, until the next span; null: not known. */
interface Span<State> {
  from: number;
  state: State | null;
}
interface Text {
  json: string;
  version: number;
  at: number | null;
}
interface Presence {
  status: Status;
  seq: number;
  at: number | null;
}

/** The state at a moment (ms). @throws DevstateError NOT_FOUND: also where it was registered later */
export async function stateAt(fleet: Fleet, id: string, moment: number): Promise<PastState> {
  const { redis, keys } = await fleet.partitionFor(id);
  // In this order: a beat in between moves a deadline on, and must not seem to be past it.
  const [{ longestTtl }, score] = await Promise.all([
    fleet.settings(),
    fleet.send(() => redis.zscore(keys.activity, id)),
  ]);
  const record = await readDevice(fleet, id);
  const lists = await Promise.all(HISTORY_KINDS.map((kind) => readPast(fleet, record, kind, moment)));
  const [reported = [], desired = [], presence = []] = lists;
  if (moment < registrationOf(record) && !wasRegisteredAnew(record, lists.flat())) {
    throw new DevstateError('NOT_FOUND', `device ${quote(id)} was registered later than that`, {
      reason: 'REGISTERED_LATER',
      details: { registeredAt: registrationOf(record) },
    });
  }
  const unknown: PastState['unknown'] = {};
  function at<State>(kind: HistoryKind, spans: readonly Span<State>[]): State | null {
    const state = spans.findLast(({ from }) => from <= moment)?.state ?? null;
    const last = spans.findLastIndex((span) => span.state === null);
    if (state === null) unknown[kind] = spans[last + 1]?.from ?? null;
    return state;
  }
  const parsed = (text: Text | null, field: string): PastDocument | null =>
    text && { value: parseStored(id, field, text.json), version: text.version, at: text.at };
  const then = {
    reported: at('reported', documentSpans(record, 'reported', reported)),
    desired: at('desired', documentSpans(record, 'desired', desired)),
    presence: at('presence', presenceSpans(record, presence, Number(score ?? 0), longestTtl)),
  };
  return {
    record,
    status: then.presence?.status ?? null,
    lastSeen: record.lastSeen !== null && record.lastSeen <= moment ? record.lastSeen : null,
    reported: parsed(then.reported, 'the report'),
    desired: parsed(then.desired, 'the desired state'),
    presenceSeq: then.presence?.seq ?? 0,
    presenceAt: then.presence?.at ?? null,
    unknown,
  };
}

/** Back to the moment; of what came after the record was read nothing. */
async function readPast(
  fleet: Fleet,
  record: DeviceRecord,
  kind: HistoryKind,
  moment: number,
): Promise<HistoryEntry[]> {
  const reachesBack = (entries: readonly HistoryEntry[]) => (entries[0]?.at ?? 0) <= moment;
  const entries = await readNewestEntries(fleet, record.deviceId, kind, reachesBack);
  return entries.filter(({ number }) => number <= newestOf(record, kind).number);
}

function registrationOf({ registeredAt }: DeviceRecord): number {
  return registeredAt ?? 0;
}

/** By another program, which leaves everything older than its registration. */
function wasRegisteredAnew(record: DeviceRecord, entries: readonly HistoryEntry[]): boolean {
  const { reportedAt, desiredAt, presenceAt } = record;
  const moments = [reportedAt, desiredAt, presenceAt, ...entries.map(({ at }) => at)];
  return moments.some((at) => at !== null && at < registrationOf(record));
}

/** From the registration to the last entry, which holds for good. */
function spansOf<State>(
  record: DeviceRecord,
  entries: readonly HistoryEntry[],
  stateOf: (entry: HistoryEntry) => State,
  before: State,
): Span<State>[] {
  const spans: Span<State>[] = [
    { from: 0, state: null },
    { from: registrationOf(record), state: entries[0]?.first ? before : null },
  ];
  for (const [i, entry] of entries.entries()) {
    const { number, at, unknown } = entry;
    const previous = entries[i - 1];
    const isNext = previous === undefined || previous.number === number - 1;
    const doubt = isNext ? unknown?.[0] : previous.at;
    if (doubt !== undefined) spans.push({ from: doubt, state: null });
    spans.push({ from: unknown?.[1] ?? at, state: stateOf(entry) });
  }
  return spans;
}

/**
 * What the record holds is what devstate wrote last if it is the newest entry's text. Else
 * somebody wrote it since: a report by the device's last sign of life, a desired state at a
 * time that nobody noted.
 */
function documentSpans(
  record: DeviceRecord,
  kind: 'reported' | 'desired',
  entries: readonly HistoryEntry[],
): Span<Text>[] {
  const json = kind === 'reported' ? record.reportedJson : record.desiredJson;
  const { number: version, at } = newestOf(record, kind);
  const registered = registrationOf(record);
  const textOf = ({ valueJson, number, at }: HistoryEntry): Text => ({
    json: valueJson ?? '{}',
    version: number,
    at,
  });
  const spans = spansOf(record, entries, textOf, { json: '{}', version: 0, at: null });
  const newest = entries.at(-1);
  const isOurs = newest?.number === version && newest.valueJson === json && newest.at >= registered;
  if (isOurs) return spans;
  spans.push({ from: newest?.at ?? 0, state: null });
  const state: Text = { json, version, at };
  if (json === '{}' && (at ?? 0) <= registered) spans.push({ from: registered, state });
  else if (kind === 'reported')
    spans.push({ from: Math.max(record.lastSeen ?? 0, registered, at ?? 0), state });
  return spans;
}

/**
 * The record says what was announced last, and the heartbeat key whether it still is so.
 * @param deadline by the index, ms; 0: none
 */
function presenceSpans(
  record: DeviceRecord,
  entries: readonly HistoryEntry[],
  deadline: number,
  longestTtl: number,
): Span<Presence>[] {
  const { presenceSeq: seq, presenceAt: at, status } = record;
  const isAnnounced = seq % 2 === 1;
  const registered = registrationOf(record);
  const since = at ?? registered;
  const stateOf = (entry: HistoryEntry): Presence => ({
    status: entry.status ?? 'offline',
    seq: entry.number,
    at: entry.at,
  });
  const spans = spansOf(record, entries, stateOf, { status: 'offline', seq: 0, at: null });
  const newest = entries.at(-1);
  if (newest?.number !== seq) {
    if (newest) spans.push({ from: newest.at, state: null });
    spans.push({ from: since, state: { status: isAnnounced ? 'online' : 'offline', seq, at } });
  }
  // When anybody last beat for it, or registered it anew, which makes it never seen.
  const touched = Math.max(record.lastSeen ?? 0, seq > 0 ? registered : 0);
  const current: Presence = { status, seq, at };
  const end = isAnnounced ? Math.max(deadline, since) : since;
  const isShared = newest !== undefined && (newest.unknown !== null || newest.reason === 'observed');
  const isTouched = isAnnounced ? touched >= deadline : touched > (at ?? 0);
  if (status === 'online' && isTouched) {
    spans.push({ from: end, state: null }, { from: Math.max(touched, since), state: current });
  } else if (status === 'offline' && (isTouched || (isAnnounced && isShared))) {
    const gone = Math.max(touched, registered) + longestTtl;
    spans.push({ from: end, state: null }, { from: Math.max(gone, end), state: current });
  } else if (isAnnounced !== (status === 'online')) {
    // A lapse that nobody has announced yet counts from its deadline, as it will once it is.
    spans.push({ from: end, state: isAnnounced ? current : null });
  }
  return spans;
}
