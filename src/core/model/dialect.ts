/**
 * The two dialects of a device's record. The article that devstate is compatible with has a Node and a Python program,
 * which use different field names and units of time. Only this file knows the names and units; the Lua scripts get them
 * from `luaDialects`.
 */
import type { Dialect } from './device.js';
import type { ReadText } from './stored-document.js';

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

/**
 * The name that devstate's code uses for a field of a record in either dialect; `fieldName` gives the name in Redis.
 * The field `devstate` is written by devstate only, not by the programs of the article.
 */
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

/** The unit in which each dialect stores times, ms: 1 is a millisecond, 1000 is a second. */
const UNIT_MS: Record<Dialect, number> = { node: 1, python: 1000 };

/**
 * Returns the order in which the dialects are tried on a record. The fleet's dialect is first, because most records
 * have it.
 */
export function dialectOrder(fleet: Dialect): readonly [Dialect, Dialect] {
  return fleet === 'node' ? ['node', 'python'] : ['python', 'node'];
}

/** Returns the name that a field has in the Redis hash. The field `devstate` has this name in both dialects. */
export function fieldName(dialect: Dialect, name: FieldName): string {
  return name === 'devstate' ? name : FIELDS[dialect][name];
}

/**
 * Returns Lua source that declares a table of field names for each dialect: `local NODE = {…}`, `local PYTHON = {…}`.
 */
export function luaDialects(): string {
  const table = (dialect: Dialect) => {
    const fields = Object.entries(FIELDS[dialect]).map(([name, field]) => `${name}='${field}'`);
    return `local ${dialect.toUpperCase()} = {${fields.join(',')},seconds=${UNIT_MS[dialect] === 1000}}`;
  };
  return `${table('node')}\n${table('python')}\n`;
}

/** Returns a stored time, converted to ms; null: the field is absent, or its text is not a time after 1970. */
export function decodeInstant(dialect: Dialect, text: ReadText | null | undefined): number | null {
  if (typeof text !== 'string' || text === '') return null;
  const ms = Math.round(Number(text) * UNIT_MS[dialect]);
  return ms > 0 && ms < 1e15 ? ms : null;
}

/** Returns a time, epoch ms, as the text that is stored in this dialect. */
export function encodeInstant(dialect: Dialect, ms: number): string {
  return UNIT_MS[dialect] === 1 ? String(ms) : (ms / UNIT_MS[dialect]).toFixed(3);
}
