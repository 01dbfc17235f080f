/**
 * Parses one line of the input of `devstate register -f` and `heartbeat -f`. The fields have the names of the JSON
 * output, so that the output of `get` and `list` can be read back; fields of that output that the command does not
 * need are ignored. A field that is null counts as absent. A field that neither that output nor the command has is
 * an error.
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
  /** The TTL of devices whose line gives none, ms. */
  ttl?: number | undefined;
}

export interface HeartbeatDefaults {
  merge?: boolean | undefined;
  /** The TTL of heartbeats whose line gives none, ms; undefined: the device's own TTL applies. */
  ttl?: number | undefined;
}

/**
 * Parses a line of `register -f` into the device to register.
 * @throws DevstateError USAGE: the line is not valid
 */
export function parseRegisterLine(text: string, defaults: RegisterDefaults, notice: Notice): Registrant {
  return registrantOf(readJsonObject(text, notice), defaults);
}

/**
 * Returns the device to register that the object of a line describes.
 * @throws DevstateError USAGE: a field is missing, unknown or not valid
 */
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

/** Parses a line of `heartbeat -f` into a heartbeat. @throws DevstateError USAGE: the line is not valid */
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

/**
 * Returns the report in the form that a heartbeat has: a merge patch, or the text of the whole document. The
 * limits are checked for both, because a patch must keep within the limits of a document too.
 * @throws DevstateError USAGE: the report is too large or too deep
 */
function reportOf(document: JsonObject, merge: boolean): Pick<Heartbeat, 'patch' | 'reportedJson'> {
  const reportedJson = documentText(document);
  return merge ? { patch: document } : { reportedJson };
}

/**
 * The fields of a device in the JSON output of `get`. A line of input may have any of them, so that this output can
 * be read back.
 */
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
