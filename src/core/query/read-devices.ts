/**
 * Reads devices: for each its record and its heartbeat key's PTTL, many in one round trip,
 * and no field that nobody asked for. Reads never write. Whatever a record holds is that
 * device's affair: it never stops the others.
 */

import { type ItemResult, sendValidItems, unwrapOne } from '../async/item-results.js';
import { type DeviceRecord, type Dialect, validId } from '../model/device.js';
import {
  decodeInstant,
  dialectOrder,
  type FieldName,
  fieldName,
  livenessOf,
  recordDecoder,
} from '../model/dialect.js';
import { refuseOversize } from '../model/document-limits.js';
import { DevstateError, notFoundError, quote } from '../model/errors.js';
import { type JsonObject, parseJsonObject } from '../model/json.js';
import { mapByPartition } from '../store/by-partition.js';
import type { Command, Fleet } from '../store/fleet.js';

/** What a list shows without documents. */
export const SUMMARY: readonly FieldName[] = ['type', 'lastSeen', 'registered', 'devstate'];
/** What a list adds where there is room. */
export const METADATA: readonly FieldName[] = ['registered', 'metadata'];
const DOCUMENTS: readonly FieldName[] = ['metadata', 'reported', 'desired'];
export const EVERYTHING: readonly FieldName[] = [...SUMMARY, ...DOCUMENTS];

/** A device; or why there is none: an error, or a record that is absent or lacks its id field. */
export interface DeviceReading {
  id: string;
  device?: DeviceRecord;
  error?: DevstateError;
}

/**
 * Reads the named fields of these devices, in the order given.
 * @param liveness `unread`: all are taken for offline
 */
export async function readDevices(
  fleet: Fleet,
  ids: readonly string[],
  fields: readonly FieldName[],
  liveness: 'read' | 'unread' = 'read',
): Promise<DeviceReading[]> {
  if (ids.length === 0) return [];
  return [
    ...(await mapByPartition(fleet, ids, (partition, group) => readPart(partition, group, fields, liveness))),
  ];
}

async function readPart(
  fleet: Fleet,
  ids: readonly string[],
  fields: readonly FieldName[],
  liveness: 'read' | 'unread',
): Promise<DeviceReading[]> {
  const { dialect } = await fleet.settings();
  const [first, second] = dialectOrder(dialect);
  const readings = await inPortions(ids, fields, (portion) =>
    readIn(fleet, [first], portion, fields, liveness),
  );
  const missing = readings.filter(({ device, error }) => !device && !error).map(({ id }) => id);
  if (missing.length === 0) return readings;
  const others = new Map(
    (await inPortions(missing, fields, (portion) => readIn(fleet, [second], portion, fields, liveness))).map(
      (reading) => [reading.id, reading],
    ),
  );
  return readings.map((reading) => others.get(reading.id) ?? reading);
}

/** One device, whole. @throws NOT_FOUND, BAD_RECORD */
export async function readDevice(fleet: Fleet, id: string): Promise<DeviceRecord> {
  validId(id);
  if (fleet.options.dialect) await fleet.settings(); // refuses one that is not the fleet's
  const order = dialectOrder((await fleet.declared()).dialect ?? 'node');
  // In both dialects at once: to ask for the fleet's first would take longer than to read.
  const [reading] = await readIn(await fleet.of(id), order, [id], EVERYTHING, 'read');
  return unwrapOne([wholeOf(reading as DeviceReading)]);
}

/** Devices, whole, in the order given; each is found or fails alone. */
export async function readWholeDevices(
  fleet: Fleet,
  ids: readonly string[],
): Promise<ItemResult<DeviceRecord>[]> {
  return sendValidItems(ids, validId, async (all) =>
    (await readDevices(fleet, all, EVERYTHING)).map(wholeOf),
  );
}

function wholeOf({ id, device, error }: DeviceReading): ItemResult<DeviceRecord> {
  return device ?? error ?? notFoundError(id);
}

/** A stored document, parsed. @throws BAD_RECORD naming the device and the field */
export function parseStored(id: string, field: string, text: string): JsonObject {
  try {
    refuseOversize(text);
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

/** So many are read to learn how large the documents are. */
const FIRST_PORTION = 20;
const PORTION_BYTES = 1024 * 1024;
const MAX_PORTION = 500;

/** Documents may be of any size: each read asks for about a megabyte, going by the last. */
export class AdaptivePage {
  size: number;
  readonly #documents: boolean;

  constructor(fields: readonly FieldName[]) {
    this.#documents = fields.some((name) => DOCUMENTS.includes(name));
    this.size = this.#documents ? FIRST_PORTION : MAX_PORTION;
  }

  /** These have been read. */
  observe(readings: readonly DeviceReading[]): void {
    if (!this.#documents) return;
    const bytes = readings.reduce((sum, { device }) => sum + (device ? sizeOf(device) : 0), 1);
    this.size = Math.max(1, Math.min(MAX_PORTION, Math.floor((PORTION_BYTES * readings.length) / bytes)));
  }
}

async function inPortions(
  ids: readonly string[],
  fields: readonly FieldName[],
  read: (portion: readonly string[]) => Promise<DeviceReading[]>,
): Promise<DeviceReading[]> {
  const portion = new AdaptivePage(fields);
  const readings: DeviceReading[] = [];
  while (readings.length < ids.length) {
    const some = await read(ids.slice(readings.length, readings.length + portion.size));
    portion.observe(some);
    readings.push(...some);
  }
  return readings;
}

function sizeOf({ reportedJson, desiredJson, metadataJson }: DeviceRecord): number {
  return reportedJson.length + desiredJson.length + metadataJson.length;
}

/** Each in the first of the dialects that its record has an id field of. */
async function readIn(
  fleet: Fleet,
  dialects: readonly Dialect[],
  ids: readonly string[],
  fields: readonly FieldName[],
  liveness: 'read' | 'unread',
): Promise<DeviceReading[]> {
  const names: readonly FieldName[] = ['id', ...fields];
  const inDialects = dialects.map((dialect) => ({
    fields: names.map((name) => fieldName(dialect, name)),
    decode: recordDecoder(dialect, names),
  }));
  const commands: Command[] = [['time']];
  for (const id of ids) {
    const key = fleet.keys.state(id);
    for (const { fields } of inDialects) commands.push(['hmget', key, ...fields]);
    if (liveness === 'read') commands.push(['pttl', fleet.keys.heartbeat(id)]);
  }
  const replies = await fleet.pipeline(commands);
  const now = parseServerTime(replies[0]);
  let next = 1;
  return ids.map((id) => {
    const records = inDialects.map(({ decode }) => ({ decode, values: replies[next++] }));
    const pttl = liveness === 'read' ? Number(replies[next++]) : GONE;
    for (const { decode, values } of records) {
      if (values instanceof DevstateError) return { id, error: values };
      const known = values as (string | null)[];
      if (typeof known[0] === 'string') return { id, device: decode(id, known, { pttl, now }) };
    }
    return { id };
  });
}

/**
 * Those that were not seen after a moment (ms), as far as one field tells: all whose record
 * does not say so in the fleet's dialect are among them.
 */
export async function possiblyUnseenSince(
  fleet: Fleet,
  ids: readonly string[],
  moment: number,
): Promise<string[]> {
  const { dialect } = await fleet.settings();
  const field = fieldName(dialect, 'lastSeen');
  const texts = await mapByPartition(fleet, ids, (partition, group) =>
    partition.pipeline(group.map((id) => ['hget', partition.keys.state(id), field])),
  );
  return ids.filter((_, i) => {
    const text = texts[i];
    const lastSeen = typeof text === 'string' ? decodeInstant(dialect, text) : null;
    return lastSeen === null || lastSeen <= moment;
  });
}

/** PTTL of a key that is not there. */
const GONE = -2;

/**
 * Devices of which it was not asked whether they are alive, with that. They are thought to
 * be offline: one command for all, and more only where some are not.
 */
export async function withLiveness(fleet: Fleet, devices: readonly DeviceRecord[]): Promise<DeviceRecord[]> {
  const ids = devices.map(({ deviceId }) => deviceId);
  const alive = await mapByPartition(fleet, ids, livenesses);
  return devices.map((device, i) => ({ ...device, ...alive[i] }));
}

async function livenesses(
  partition: Fleet,
  ids: readonly string[],
): Promise<ReturnType<typeof livenessOf>[]> {
  const keys = ids.map((id) => partition.keys.heartbeat(id));
  const gone = livenessOf({ pttl: GONE, now: 0 });
  if (keys.length === 0 || (await partition.send(() => partition.redis.exists(...keys))) === 0)
    return ids.map(() => gone);
  const [time, ...replies] = await partition.pipeline([
    ['time'],
    ...keys.map((key): Command => ['pttl', key]),
  ]);
  const now = parseServerTime(time);
  return replies.map((pttl) => livenessOf({ pttl: Number(pttl), now }));
}

/** Now, ms, by the clock of the server that holds a partition's keys: a cluster has as many as masters. */
export async function readServerTime(partition: Fleet): Promise<number> {
  const [time] = await partition.pipeline([['time']]);
  return parseServerTime(time);
}

/** A reply of TIME in ms. */
export function parseServerTime(reply: unknown): number {
  const [seconds, microseconds] = reply as [string, string];
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}
