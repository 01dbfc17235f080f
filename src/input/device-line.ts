/**
 * Parses one line of `register -f` and `heartbeat -f`. The fields have the names of the JSON output, so that
 * the output of `get` and `list` can be read back: its other fields are ignored. A field that is null counts
 * as absent, and an unknown field is an error.
 */

import { documentText } from '../core/model/document-limits.js';
import { type DevstateError, quote, usageError } from '../core/model/errors.js';
import type { Heartbeat } from '../core/model/heartbeat.js';
import { validId, validType } from '../core/model/identifiers.js';
import {
  describe,
  getKey,
  isJsonObject,
  isLosslessNumber,
  type Json,
  type JsonObject,
} from '../core/model/json.js';

import type { Registrant } from '../core/registry/registration.js';
import { ttlFromInput } from './duration.js';
import { type Notice, readJsonObject } from './json.js';

export interface RegisterDefaults {
  type?: string | undefined;
  /** Milliseconds. */
  ttl?: number | undefined;
}

export interface HeartbeatDefaults {
  merge?: boolean | undefined;
  /** Milliseconds. */
  ttl?: number | undefined;
}

/** @throws DevstateError USAGE */
export function parseRegisterLine(text: string, defaults: RegisterDefaults, notice: Notice): Registrant {
  return registrantOf(readJsonObject(text, notice), defaults);
}

/** @throws DevstateError USAGE */
export function registrantOf(line: JsonObject, defaults: RegisterDefaults): Registrant {
  refuseUnknownFields(line, PRINTED_FIELDS);
  const metadata = documentOf(line, 'metadata');
  const ttl = ttlOf(line) ?? defaults.ttl;
  const type = stringOf(line, 'deviceType') ?? defaults.type;
  if (type === undefined) throw usageError('no deviceType, and no --type for lines without one');
  return {
    id: idOf(line),
    type: validType(type),
    ...(metadata && { metadataJson: documentText(metadata) }),
    ...(ttl !== undefined && { ttl }),
  };
}

/** @throws DevstateError USAGE */
export function parseHeartbeatLine(text: string, defaults: HeartbeatDefaults, notice: Notice): Heartbeat {
  const line = readJsonObject(text, notice);
  refuseUnknownFields(line, [...PRINTED_FIELDS, 'merge']);
  const reported = documentOf(line, 'reportedState');
  const merge = booleanOf(line, 'merge') ?? defaults.merge ?? false;
  const ttl = ttlOf(line) ?? defaults.ttl;
  return {
    id: idOf(line),
    ...(reported && reportOf(reported, merge)),
    ...(ttl !== undefined && { ttl }),
  };
}

/** A patch must keep within the limits of a document too. @throws DevstateError USAGE */
function reportOf(document: JsonObject, merge: boolean): Pick<Heartbeat, 'patch' | 'reportedJson'> {
  const reportedJson = documentText(document);
  return merge ? { patch: document } : { reportedJson };
}

/** The fields that `get` prints; a line may have any of them. */
export const PRINTED_FIELDS: readonly string[] = [
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

function refuseUnknownFields(line: JsonObject, names: readonly string[]): void {
  const unknown = Object.keys(line).find((name) => !names.includes(name));
  if (unknown !== undefined) throw usageError(`unknown field ${quote(unknown)}`);
}

function idOf(line: JsonObject): string {
  const id = stringOf(line, 'deviceId');
  if (id === undefined) throw usageError('no deviceId');
  return validId(id);
}

function ttlOf(line: JsonObject): number | undefined {
  const value = nonNull(line, 'heartbeatTtl');
  if (value === undefined) return undefined;
  if (!isLosslessNumber(value)) throw mistyped('heartbeatTtl', 'a number of milliseconds', value);
  return ttlFromInput(Number(value.value));
}

function documentOf(line: JsonObject, name: string): JsonObject | undefined {
  const value = nonNull(line, name);
  if (value !== undefined && !isJsonObject(value)) throw mistyped(name, 'an object', value);
  return value;
}

function stringOf(line: JsonObject, name: string): string | undefined {
  const value = nonNull(line, name);
  if (value !== undefined && typeof value !== 'string') throw mistyped(name, 'a string', value);
  return value;
}

function booleanOf(line: JsonObject, name: string): boolean | undefined {
  const value = nonNull(line, name);
  if (value !== undefined && typeof value !== 'boolean') throw mistyped(name, 'true or false', value);
  return value;
}

function nonNull(line: JsonObject, name: string): Json | undefined {
  return getKey(line, name) ?? undefined;
}

function mistyped(name: string, expected: string, value: Json): DevstateError {
  return usageError(`${name} must be ${expected}, not ${describe(value)}`);
}
