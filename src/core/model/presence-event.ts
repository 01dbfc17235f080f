/**
 * The presence event, which says that a device went online or offline, and how to decode its two forms in Redis: an
 * entry of the presence log, and a message on the presence channel. `store/lua/include/announce.lua` writes both forms,
 * so a new field must be added in both files.
 */
import type { Dialect, Status } from './device.js';
import { decodeInstant, fieldName } from './dialect.js';
import { isOverlong } from './identifiers.js';
import { isJsonObject, isLosslessNumber, type Json, type JsonObject, parseJson } from './json.js';

/**
 * What caused a presence event: a heartbeat; the expiry of the heartbeat key (`timeout`); a disconnect; an unregister;
 * `observed`: a detector found the device online although no program had announced it.
 */
export type PresenceReason = 'heartbeat' | 'timeout' | 'disconnect' | 'unregister' | 'observed';

export interface PresenceEvent {
  /**
   * The id of the event, which the option `since` of the feed accepts (presence/cursor.ts); with one partition it is the
   * id of the log entry. Null: another program published the event and did not write it to the log.
   */
  id: string | null;
  type: 'presence';
  deviceId: string;
  deviceType: string | null;
  status: Status;
  /** When the device went online or offline, epoch ms. With the reason `timeout`: when the heartbeat key expired. */
  timestamp: number;
  /**
   * The number of the event among the device's events since its registration, from 1; null: another program published
   * the event, and does not number its events.
   */
  seq: number | null;
  reason: PresenceReason | null;
  /** The time of the device's previous presence event, epoch ms; null: there was none, or it is not known. */
  previousAt: number | null;
}

/**
 * Returns the event of an entry of the presence log. The dialect of the fleet need not be known, because log entries
 * have the same field names, and times in ms, in both dialects.
 * @param flat the field names and values of the entry, in turn
 */
export function decodeLogEntry(id: string, flat: readonly string[]): PresenceEvent {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) fields.set(flat[i] as string, flat[i + 1] as string);
  return {
    id,
    type: 'presence',
    deviceId: fields.get('deviceId') ?? '',
    deviceType: fields.get('deviceType') || null,
    status: fields.get('status') === 'online' ? 'online' : 'offline',
    timestamp: Number(fields.get('timestamp') ?? 0),
    seq: Number(fields.get('seq') ?? 0),
    reason: (fields.get('reason') as PresenceReason | undefined) ?? null,
    previousAt: Number(fields.get('previous') ?? 0) || null,
  };
}

/**
 * Returns whether devstate published this message on the presence channel: messages of other programs have no `seq`. To
 * save time, the message is not parsed but searched for `"seq":`, because every feed and every detector gets every
 * message. A device id cannot cause a wrong match, because quotes in ids are escaped.
 */
export function isOwnMessage(message: string): boolean {
  return message.includes('"seq":');
}

/**
 * The most UTF-16 units of a message that may be a presence event. devstate's own messages have at most a few thousand;
 * another program may publish 500 MB on the channel.
 */
const MAX_MESSAGE_LENGTH = 65_536;

/**
 * Returns the event of a message on the presence channel, in either dialect; null: the message is not a presence event.
 * Only events of other programs are taken from messages: devstate's own events are read from the presence log, where
 * they have an id.
 */
export function decodePresenceMessage(message: string): PresenceEvent | null {
  const event = parseObject(message);
  if (event === null) return null;
  const dialect: Dialect = typeof event[fieldName('node', 'id')] === 'string' ? 'node' : 'python';
  const id = event[fieldName(dialect, 'id')];
  const deviceType = event[fieldName(dialect, 'type')];
  const { type, status, timestamp, seq } = event;
  if (type !== 'presence' || (status !== 'online' && status !== 'offline')) return null;
  if (typeof id !== 'string' || isOverlong(id) || (typeof deviceType === 'string' && isOverlong(deviceType)))
    return null;
  return {
    id: null,
    type: 'presence',
    deviceId: id,
    deviceType: typeof deviceType === 'string' ? deviceType : null,
    status,
    timestamp: decodeInstant(dialect, numberText(timestamp)) ?? 0,
    seq: seq === undefined ? null : Number(numberText(seq)),
    reason: null,
    previousAt: null,
  };
}

/**
 * Returns the JSON object that a message is; null: it is another text. That is no error, because any program can
 * publish any text on the channel.
 */
function parseObject(message: string): JsonObject | null {
  if (message.length > MAX_MESSAGE_LENGTH) return null;
  try {
    const value = parseJson(message);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

function numberText(value: Json | undefined): string | null {
  return isLosslessNumber(value) ? value.value : null;
}
