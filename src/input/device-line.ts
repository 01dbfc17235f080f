/**
 * One NDJSON line of `register -f` and `heartbeat -f`, with the names of the JSON output, so
 * that what `get` and `list` print may be fed back. What they print beyond the line's own
 * fields is ignored, null is as good as absent, and any other name is a mistake.
 */

import { validId, validType } from '../core/device.js';
import { type DevstateError, quote, usage } from '../core/errors.js';
import {
  describe,
  getKey,
  isJsonObject,
  isLosslessNumber,
  type Json,
  type JsonObject,
  toJson,
} from '../core/json.js';
import { validTtl } from './duration.js';
import { type Notice, readJsonObject } from './json.js';

export interface RegisterLine {
  deviceId: string;
  deviceType: string;
  /** Compact JSON, numbers digit for digit. */
  metadataJson?: string;
  /** Milliseconds. */
  heartbeatTtl?: number;
}

export interface HeartbeatLine {
  deviceId: string;
  /** Compact JSON, numbers digit for digit. */
  reportedJson?: string;
  merge: boolean;
  /** Milliseconds. */
  heartbeatTtl?: number;
}

/** @throws DevstateError USAGE */
export function parseRegisterLine(
  text: string,
  defaults: { type?: string | undefined; ttl?: number | undefined },
  notice: Notice,
): RegisterLine {
  const line = readLine(text, PRINTED, notice);
  const metadata = documentOf(line, 'metadata');
  const ttl = ttlOf(line) ?? defaults.ttl;
  const type = stringOf(line, 'deviceType') ?? defaults.type;
  if (type === undefined) throw usage('no deviceType, and no --type for lines without one');
  return {
    deviceId: idOf(line),
    deviceType: validType(type),
    ...(metadata !== undefined && { metadataJson: metadata }),
    ...(ttl !== undefined && { heartbeatTtl: ttl }),
  };
}

/** @throws DevstateError USAGE */
export function parseHeartbeatLine(
  text: string,
  defaults: { merge?: boolean | undefined; ttl?: number | undefined },
  notice: Notice,
): HeartbeatLine {
  const line = readLine(text, [...PRINTED, 'merge'], notice);
  const reported = documentOf(line, 'reportedState');
  const ttl = ttlOf(line) ?? defaults.ttl;
  return {
    deviceId: idOf(line),
    ...(reported !== undefined && { reportedJson: reported }),
    merge: booleanOf(line, 'merge') ?? defaults.merge ?? false,
    ...(ttl !== undefined && { heartbeatTtl: ttl }),
  };
}

/** What `get` prints. */
const PRINTED: readonly string[] = [
  'deviceId',
  'deviceType',
  'status',
  'lastSeen',
  'registeredAt',
  'expiresAt',
  'reportedState',
  'desiredState',
  'metadata',
  'reportedVersion',
  'reportedAt',
  'desiredVersion',
  'desiredAt',
  'presenceSeq',
  'presenceAt',
  'heartbeatTtl',
];

function readLine(text: string, names: readonly string[], notice: Notice): JsonObject {
  const line = readJsonObject(text, notice);
  const unknown = Object.keys(line).find((name) => !names.includes(name));
  if (unknown !== undefined) throw usage(`unknown field ${quote(unknown)}`);
  return line;
}

function idOf(line: JsonObject): string {
  const id = stringOf(line, 'deviceId');
  if (id === undefined) throw usage('no deviceId');
  return validId(id);
}

function ttlOf(line: JsonObject): number | undefined {
  const value = present(line, 'heartbeatTtl');
  if (value === undefined) return undefined;
  if (!isLosslessNumber(value)) throw mistyped('heartbeatTtl', 'a number of milliseconds', value);
  return validTtl(Number(value.value));
}

function documentOf(line: JsonObject, name: string): string | undefined {
  const value = present(line, name);
  if (value === undefined) return undefined;
  if (!isJsonObject(value)) throw mistyped(name, 'an object', value);
  return toJson(value);
}

function stringOf(line: JsonObject, name: string): string | undefined {
  const value = present(line, name);
  if (value !== undefined && typeof value !== 'string') throw mistyped(name, 'a string', value);
  return value;
}

function booleanOf(line: JsonObject, name: string): boolean | undefined {
  const value = present(line, name);
  if (value !== undefined && typeof value !== 'boolean') throw mistyped(name, 'true or false', value);
  return value;
}

function present(line: JsonObject, name: string): Json | undefined {
  return getKey(line, name) ?? undefined;
}

function mistyped(name: string, due: string, value: Json): DevstateError {
  return usage(`${name} must be ${due}, not ${describe(value)}`);
}
