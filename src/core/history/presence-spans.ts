/**
 * The past of a device's presence, as spans of time in which the device was online or offline, or that is not known.
 */
import type { DeviceRecord, Status } from '../model/device.js';
import type { HistoryEntry } from './history-entry.js';
import { registeredAtOf, type Span, spansOfEntries } from './spans.js';

export interface PresenceState {
  status: Status;
  /** How many transitions had been announced when the device had this state; odd: the last announced it online. */
  seq: number;
  /** When the last transition was, epoch ms; null: there was no transition. */
  at: number | null;
}

/**
 * Returns the spans of a device's presence, up to its status now. The record has the last transition that was
 * announced; `record.status` is online if the heartbeat key exists now.
 * @param entries the presence entries, oldest first
 * @param deadline when the device times out according to the index, epoch ms; 0: it is not in the index
 * @param longestTtl the longest TTL in the fleet, ms
 */
export function presenceSpans(
  record: DeviceRecord,
  entries: readonly HistoryEntry[],
  deadline: number,
  longestTtl: number,
): Span<PresenceState>[] {
  const spans = spansOfEntries(record, entries, presenceOf, { status: 'offline', seq: 0, at: null });
  spans.push(...announcedSpans(record, entries));
  spans.push(...currentSpans(record, entries.at(-1), deadline, longestTtl));
  return spans;
}

function presenceOf({ status, number, at }: HistoryEntry): PresenceState {
  return { status: status ?? 'offline', seq: number, at };
}

function isAnnouncedOnline({ presenceSeq }: DeviceRecord): boolean {
  return presenceSeq % 2 === 1;
}

/** Returns the span of the last announced transition, from the record, if the history has no entry for it. */
function announcedSpans(record: DeviceRecord, entries: readonly HistoryEntry[]): Span<PresenceState>[] {
  const { presenceSeq: seq, presenceAt: at } = record;
  const newest = entries.at(-1);
  if (newest?.number === seq) return [];
  const status = isAnnouncedOnline(record) ? 'online' : 'offline';
  const announced = { from: at ?? registeredAtOf(record), state: { status, seq, at } } as const;
  return newest ? [{ from: newest.at, state: null }, announced] : [announced];
}

/**
 * Returns the spans after the last announced transition: there are some if another program sent a heartbeat of the
 * device or registered it after that transition, or if its heartbeat key shows another status than was announced.
 */
function currentSpans(
  record: DeviceRecord,
  newest: HistoryEntry | undefined,
  deadline: number,
  longestTtl: number,
): Span<PresenceState>[] {
  const { presenceSeq: seq, presenceAt: at, status } = record;
  const registered = registeredAtOf(record);
  const wasOnline = isAnnouncedOnline(record);
  const announcedAt = at ?? registered;
  /** The time, epoch ms, until which the device certainly had the status that was announced last. */
  const certainUntil = wasOnline ? Math.max(deadline, announcedAt) : announcedAt;
  /**
   * The time of the last heartbeat of any program, epoch ms; or of the registration if that is later, because a program
   * that registers a device again resets the time of its last heartbeat.
   */
  const lastContact = Math.max(record.lastSeen ?? 0, seq > 0 ? registered : 0);
  const hasForeignContact = wasOnline ? lastContact >= deadline : lastContact > (at ?? 0);
  const hasForeignHeartbeats =
    newest !== undefined && (newest.unknown !== null || newest.reason === 'observed');
  const current: PresenceState = { status, seq, at };
  if (status === 'online' && hasForeignContact) {
    return [
      { from: certainUntil, state: null },
      { from: Math.max(lastContact, announcedAt), state: current },
    ];
  }
  if (status === 'offline' && (hasForeignContact || (wasOnline && hasForeignHeartbeats))) {
    // The TTL of another program's heartbeat is not known, so the device is known to be offline only when the longest
    // TTL of the fleet has passed.
    const offlineFrom = Math.max(lastContact, registered) + longestTtl;
    return [
      { from: certainUntil, state: null },
      { from: Math.max(offlineFrom, certainUntil), state: current },
    ];
  }
  // The heartbeat key shows another status than was announced. If the device was announced online, it has timed out:
  // the span is offline from the deadline on, which will be the time of the event to come. If it was announced offline,
  // it is online now, but not known since when: the span is unknown.
  if (wasOnline !== (status === 'online')) return [{ from: certainUntil, state: wasOnline ? current : null }];
  return [];
}
