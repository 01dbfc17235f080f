/**
 * The form of a history entry. The history of a device is three lists of entries in Redis, one for each kind of change:
 * reported, desired, presence. The script that makes a change also adds its entry (`store/lua/include/history.lua`). The
 * lists have a maximum length; the oldest entries are deleted.
 * Other programs change devices without adding entries. Where the numbers of two entries do not follow each
 * other, or an entry has `unknown`, the state in between is not known. It is shown as unknown, never guessed.
 */
import type { DeviceRecord, Status } from '../model/device.js';
import { isLosslessNumber, type Json, type JsonObject } from '../model/json.js';
import type { HistoryKind } from '../model/keyspace.js';
import type { PresenceReason } from '../model/presence-event.js';
import { parseStored, type ReadText, validText } from '../model/stored-document.js';

export interface HistoryEntry {
  deviceId: string;
  kind: HistoryKind;
  /** When the change was made, epoch ms. */
  at: number;
  /** The version of the document after the change; for presence: the `seq` of the transition. */
  number: number;
  /** The document after the change, numbers with all their digits; null for an entry of presence. */
  value: JsonObject | null;
  /** The exact text of `value`, as it was in the record; null for an entry of presence. */
  valueJson: string | null;
  /** The status of the device after a presence transition; null for an entry of a document. */
  status: Status | null;
  /** What caused a presence transition; null for an entry of a document. */
  reason: PresenceReason | null;
  /**
   * True: before this change the document was empty, or the device offline, as registered. False: it was not, or that
   * is not known.
   */
  first: boolean;
  /**
   * The period before the change in which another program may have changed the state, epoch ms; null: there is none.
   */
  unknown: readonly [from: number, to: number] | null;
}

const VALUE_KEY = '"value":';
/** A short entry of a document begins with its time and version; the value follows. */
const SHORT_DOCUMENT = /^(\d{1,15}) (\d{1,15}) /;
/** A short entry of a transition: its time, a digit for its reason, and its `seq`. */
const SHORT_TRANSITION = /^(\d{13})([1-4])(\d{5})$/;
/** The reasons of transitions in short entries; the digit 1 stands for the first. */
const REASONS: readonly PresenceReason[] = ['heartbeat', 'timeout', 'disconnect', 'observed'];

/**
 * Parses a history entry.
 * @param id the id of the device, for the result and for errors
 * @param text the entry as it was read: a short entry, or JSON text
 * @throws DevstateError BAD_RECORD
 */
export function decodeEntry(id: string, kind: HistoryKind, text: ReadText): HistoryEntry {
  const entry = validText(id, `the ${kind} history`, text);
  return kind === 'presence'
    ? (shortTransition(id, entry) ?? jsonEntry(id, kind, entry))
    : (shortDocument(id, kind, entry) ?? jsonEntry(id, kind, entry));
}

function shortDocument(id: string, kind: HistoryKind, text: string): HistoryEntry | undefined {
  const [head = '', at, version] = SHORT_DOCUMENT.exec(text) ?? [];
  if (head === '') return undefined;
  const valueJson = text.slice(head.length);
  return {
    deviceId: id,
    kind,
    at: Number(at),
    number: Number(version),
    value: parseStored(id, `the ${kind} history`, valueJson),
    valueJson,
    status: null,
    reason: null,
    first: false,
    unknown: null,
  };
}

function shortTransition(id: string, text: string): HistoryEntry | undefined {
  const [, at, digit, seq] = SHORT_TRANSITION.exec(text) ?? [];
  if (at === undefined) return undefined;
  const number = Number(seq);
  return {
    deviceId: id,
    kind: 'presence',
    at: Number(at),
    number,
    value: null,
    valueJson: null,
    status: number % 2 === 1 ? 'online' : 'offline',
    reason: REASONS[Number(digit) - 1] ?? null,
    first: number === 1,
    unknown: null,
  };
}

function jsonEntry(id: string, kind: HistoryKind, text: string): HistoryEntry {
  const { at, version, seq, value, status, reason, first, unknown } = parseStored(
    id,
    `the ${kind} history`,
    text,
  );
  const isPresence = kind === 'presence';
  const number = toNumber(isPresence ? seq : version);
  const unknownTime: HistoryEntry['unknown'] = Array.isArray(unknown)
    ? [toNumber(unknown[0]), toNumber(unknown[1])]
    : null;
  return {
    deviceId: id,
    kind,
    at: toNumber(at),
    number,
    value: isPresence ? null : ((value ?? null) as JsonObject | null),
    valueJson: isPresence ? null : valueText(text),
    status: status === 'online' || status === 'offline' ? status : null,
    reason: typeof reason === 'string' ? (reason as PresenceReason) : null,
    first: isPresence ? number === 1 && unknownTime === null : first === true,
    unknown: unknownTime,
  };
}

/** Returns the JSON text of `value`, which is the last property of a JSON entry; null: there is none. */
function valueText(text: string): string | null {
  const start = text.indexOf(VALUE_KEY);
  return start < 0 || !text.endsWith('}') ? null : text.slice(start + VALUE_KEY.length, -1);
}

function toNumber(value: Json | undefined): number {
  return isLosslessNumber(value) ? Number(value.value) : 0;
}

/**
 * Returns the number and the time (epoch ms) of the last change of a kind according to the device's record.
 * Number 0: there was no change.
 */
export function lastChangeOf(record: DeviceRecord, kind: HistoryKind): { number: number; at: number | null } {
  switch (kind) {
    case 'reported':
      return { number: record.reportedVersion, at: record.reportedAt };
    case 'desired':
      return { number: record.desiredVersion, at: record.desiredAt };
    case 'presence':
      return { number: record.presenceSeq, at: record.presenceAt };
  }
}
