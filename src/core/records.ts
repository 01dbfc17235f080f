/**
 * Reads devices: for each its record and its heartbeat key's PTTL, many in one round trip,
 * and no field that nobody asked for. Reads never write. Whatever a record holds is that
 * device's affair: it never stops the others.
 */
import { type DeviceRecord, type Dialect, validId } from './device.js';
import { decodeRecord, dialectOrder, type FieldName, fieldName } from './dialect.js';
import { DevstateError, notFound, quote } from './errors.js';
import type { Command, Fleet } from './fleet.js';
import { type JsonObject, parseJsonObject } from './json.js';

/** What a list shows without documents. */
export const SUMMARY: readonly FieldName[] = ['type', 'lastSeen', 'registered', 'metadata', 'devstate'];
export const EVERYTHING: readonly FieldName[] = [...SUMMARY, 'reported', 'desired'];

/** A device; or why there is none: an error, or a record that is absent or lacks its id field. */
export interface Reading {
  id: string;
  device?: DeviceRecord;
  error?: DevstateError;
}

/** Reads the named fields of these devices, in the order given. */
export async function readDevices(
  fleet: Fleet,
  ids: readonly string[],
  fields: readonly FieldName[],
): Promise<Reading[]> {
  if (ids.length === 0) return [];
  const { dialect } = await fleet.settings();
  const [first, second] = dialectOrder(dialect);
  const readings = await readIn(fleet, first, ids, fields);
  const missing = readings.filter(({ device, error }) => !device && !error).map(({ id }) => id);
  if (missing.length === 0) return readings;
  const others = new Map(
    (await readIn(fleet, second, missing, fields)).map((reading) => [reading.id, reading]),
  );
  return readings.map((reading) => others.get(reading.id) ?? reading);
}

/** One device, whole. @throws NOT_FOUND, BAD_RECORD */
export async function readDevice(fleet: Fleet, id: string): Promise<DeviceRecord> {
  const [reading] = await readDevices(fleet, [validId(id)], EVERYTHING);
  if (reading?.error) throw reading.error;
  if (!reading?.device) throw notFound(id);
  return reading.device;
}

/** A stored document, parsed. @throws BAD_RECORD naming the device and the field */
export function parseStored(id: string, field: string, text: string): JsonObject {
  try {
    return parseJsonObject(text);
  } catch (error) {
    throw new DevstateError(
      'BAD_RECORD',
      `device ${quote(id)}: ${field} is broken: ${(error as Error).message}`,
      {
        hint: `redis-cli HGETALL device:state:${id} shows what another program wrote`,
      },
    );
  }
}

async function readIn(
  fleet: Fleet,
  dialect: Dialect,
  ids: readonly string[],
  fields: readonly FieldName[],
): Promise<Reading[]> {
  const names: readonly FieldName[] = ['id', ...fields];
  const hashFields = names.map((name) => fieldName(dialect, name));
  const commands: Command[] = [['time']];
  for (const id of ids) {
    commands.push(['hmget', fleet.keys.state(id), ...hashFields], ['pttl', fleet.keys.heartbeat(id)]);
  }
  const [time, ...replies] = await fleet.pipeline(commands);
  const now = serverTime(time);
  return ids.map((id, i) => {
    const [values, pttl] = [replies[2 * i], replies[2 * i + 1]];
    if (values instanceof DevstateError) return { id, error: values };
    const [idField, ...rest] = values as (string | null)[];
    if (idField === null || idField === undefined) return { id };
    const byName = new Map(fields.map((name, place) => [name, rest[place] ?? null]));
    return { id, device: decodeRecord(id, dialect, byName, { pttl: Number(pttl), now }) };
  });
}

/** A reply of TIME in ms. */
export function serverTime(reply: unknown): number {
  const [seconds, microseconds] = reply as [string, string];
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}
