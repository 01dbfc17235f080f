/**
 * The record and the messages, in the two dialects of the article's programs. They differ
 * in field names and in the unit of time; this file is the only place that knows. The
 * scripts get the same table as a Lua prelude.
 */
import type { DeviceRecord, Dialect, PresenceEvent, PresenceReason } from './device.js';
import { isJsonObject, isLosslessNumber, type Json, type JsonObject, parseJson } from './json.js';

interface RecordFields {
  id: string;
  type: string;
  registered: string;
  status: string;
  lastSeen: string;
  reported: string;
  desired: string;
  metadata: string;
}
export type FieldName = keyof RecordFields | 'devstate';

const FIELDS: Record<Dialect, RecordFields> = {
  node: {
    id: 'deviceId',
    type: 'deviceType',
    registered: 'registeredAt',
    status: 'status',
    lastSeen: 'lastSeen',
    reported: 'reportedState',
    desired: 'desiredState',
    metadata: 'metadata',
  },
  python: {
    id: 'device_id',
    type: 'device_type',
    registered: 'registered_at',
    status: 'status',
    lastSeen: 'last_seen',
    reported: 'reported_state',
    desired: 'desired_state',
    metadata: 'metadata',
  },
};

/** What each unit of a dialect's instants is in ms. */
const UNIT: Record<Dialect, number> = { node: 1, python: 1000 };

/** In which order to look for a record: the fleet's dialect, then the other. */
export function dialectOrder(fleet: Dialect): readonly [Dialect, Dialect] {
  return fleet === 'node' ? ['node', 'python'] : ['python', 'node'];
}

/** The hash field of a name in a dialect; `devstate` is ours and the same in both. */
export function fieldName(dialect: Dialect, name: FieldName): string {
  return name === 'devstate' ? name : FIELDS[dialect][name];
}

/** `local NODE = {…}`, `local PYTHON = {…}`: what the scripts' includes go by. */
export function luaDialects(): string {
  const table = (dialect: Dialect) => {
    const fields = Object.entries(FIELDS[dialect]).map(([name, field]) => `${name}='${field}'`);
    return `local ${dialect.toUpperCase()} = {${fields.join(',')},seconds=${UNIT[dialect] === 1000}}`;
  };
  return `${table('node')}\n${table('python')}\n`;
}

/** An instant as a dialect writes it, in ms; null: never, or not a time. */
export function decodeInstant(dialect: Dialect, text: string | null | undefined): number | null {
  if (!text) return null;
  const ms = Math.round(Number(text) * UNIT[dialect]);
  return ms > 0 && ms < 1e15 ? ms : null;
}

/** Versions, times and TTL from the packed field `devstate`; absent: none. */
export function decodePacked(text: string | null | undefined): number[] {
  const numbers = (text ?? '').split(' ').map((part) => (/^\d+$/.test(part) ? Number(part) : 0));
  return Array.from({ length: 7 }, (_, place) => numbers[place] ?? 0);
}

/** What decides status and expiry beside the record: the heartbeat key's PTTL at `now`, ms. */
export interface Liveness {
  pttl: number;
  now: number;
}

/** The PTTL of a key that does not exist. */
export const GONE_PTTL = -2;

/** Online if and only if the heartbeat key exists. */
export function livenessOf({ pttl, now }: Liveness): Pick<DeviceRecord, 'status' | 'expiresAt'> {
  return { status: pttl === GONE_PTTL ? 'offline' : 'online', expiresAt: pttl >= 0 ? now + pttl : null };
}

/**
 * How to decode the replies that hold these hash fields, in this order; documents that are
 * not among them read `{}`.
 */
export function recordDecoder(
  dialect: Dialect,
  fields: readonly FieldName[],
): (id: string, values: readonly (string | null)[], liveness: Liveness) => DeviceRecord {
  const place = (name: FieldName) => fields.indexOf(name);
  const [type, lastSeen, registered] = [place('type'), place('lastSeen'), place('registered')];
  const [reported, desired, metadata] = [place('reported'), place('desired'), place('metadata')];
  const devstate = place('devstate');
  return (id, values, liveness) => {
    const packed = values[devstate] ? decodePacked(values[devstate]) : NOTHING_PACKED;
    const [reportedVersion = 0, reportedAt, desiredVersion = 0, desiredAt, presenceSeq = 0, presenceAt, ttl] =
      packed;
    return {
      deviceId: id,
      deviceType: values[type] ?? null,
      ...livenessOf(liveness),
      lastSeen: decodeInstant(dialect, values[lastSeen]),
      registeredAt: decodeInstant(dialect, values[registered]),
      reportedJson: values[reported] || '{}',
      desiredJson: values[desired] || '{}',
      metadataJson: values[metadata] || '{}',
      reportedVersion,
      reportedAt: reportedAt || null,
      desiredVersion,
      desiredAt: desiredAt || null,
      presenceSeq,
      presenceAt: presenceAt || null,
      heartbeatTtl: ttl || null,
    };
  };
}

const NOTHING_PACKED = decodePacked(undefined);

/** Devstate's own messages carry `seq`; told without parsing, because each of them rings everybody. */
export function isOwnMessage(message: string): boolean {
  return message.includes('"seq":'); // quotes within an id are escaped
}

/**
 * A presence event as a program of either dialect publishes it; null: not one.
 * Devstate's own carry `seq` and are read from the log instead, where they have an id.
 */
export function decodePresenceMessage(message: string): PresenceEvent | null {
  const event = tryParse(message);
  if (event === null) return null;
  const dialect: Dialect = typeof event[FIELDS.node.id] === 'string' ? 'node' : 'python';
  const id = event[FIELDS[dialect].id];
  const { type: kind, status, timestamp, seq } = event;
  if (kind !== 'presence' || typeof id !== 'string' || (status !== 'online' && status !== 'offline'))
    return null;
  const type = event[FIELDS[dialect].type];
  return {
    id: null,
    type: 'presence',
    deviceId: id,
    deviceType: typeof type === 'string' ? type : null,
    status,
    timestamp: decodeInstant(dialect, numberText(timestamp)) ?? 0,
    seq: seq === undefined ? null : Number(numberText(seq)),
    reason: null,
    previousAt: null,
  };
}

/** A log entry's flat fields; they are the same, in ms, for both dialects. */
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

function tryParse(message: string): JsonObject | null {
  try {
    const value = parseJson(message);
    return isJsonObject(value) ? value : null;
  } catch {
    return null; // anyone may publish anything: what is no event is not one of ours to report
  }
}

function numberText(value: Json | undefined): string | null {
  return isLosslessNumber(value) ? value.value : null;
}
