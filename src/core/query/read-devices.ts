/**
 * Reads devices: the requested fields of each record, and the TTL of its heartbeat key. Many devices are read in one
 * round trip. If a record cannot be read, or a text of it is not valid UTF-8, only that device has an error.
 */
import { awaitItemResult, type ItemResult, itemResultOf, unwrapOne } from '../async/item-results.js';
import { sendValidItems } from '../async/send-batches.js';
import type { DeviceRecord, Dialect } from '../model/device.js';
import { GONE_PTTL, recordDecoder } from '../model/device-decoder.js';
import { dialectOrder, type FieldName, fieldName } from '../model/dialect.js';
import { DevstateError, notFoundError } from '../model/errors.js';
import { validId } from '../model/identifiers.js';
import type { ReadText } from '../model/stored-document.js';
import { mapByPartition, mapItemsByPartition } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import { isolateDenials } from '../store/isolate-denials.js';
import type { Partition } from '../store/partition.js';
import { asDeviceDenial } from '../store/redis-errors.js';
import type { RedisRequest } from '../store/replies.js';
import { parseServerTime } from '../store/server-time.js';
import { AdaptivePage, DOCUMENT_FIELDS } from './adaptive-page.js';
import { findOversize } from './field-lengths.js';

/** The fields that a list of devices without documents needs. */
export const SUMMARY_FIELDS: readonly FieldName[] = ['type', 'lastSeen', 'registered', 'devstate'];
/** The fields that are also read of online and stale devices with the option `withMetadata`. */
export const METADATA_FIELDS: readonly FieldName[] = ['registered', 'metadata'];
export const ALL_FIELDS: readonly FieldName[] = [...SUMMARY_FIELDS, ...DOCUMENT_FIELDS];

/**
 * The result of reading a device: the device, or an error. If there is no record, or the record has no id field, both
 * are undefined.
 */
export interface DeviceReading {
  id: string;
  device?: DeviceRecord;
  error?: DevstateError;
}

/**
 * Whether the heartbeat keys are read. If they are `unread`, which saves time, every device gets the status `offline`,
 * and `withLiveness` must set the right one.
 */
export type LivenessMode = 'read' | 'unread';

/**
 * Reads some fields of many devices, of any partitions. The readings are in the order of the ids.
 * @throws DevstateError CONNECTION; BAD_RECORD or USAGE about the fleet's settings, not about a device
 */
export async function readDevices(
  fleet: Fleet,
  ids: readonly string[],
  fields: readonly FieldName[],
  liveness: LivenessMode = 'read',
): Promise<readonly DeviceReading[]> {
  if (ids.length === 0) return [];
  return mapByPartition(fleet, ids, (partition, group) => readDevicesIn(partition, group, fields, liveness));
}

/**
 * Reads some fields of many devices, which are all of one partition. The readings are in the order of the ids. Devices
 * whose record is not in the fleet's dialect are read again in the other dialect.
 * @throws DevstateError CONNECTION; BAD_RECORD or USAGE about the fleet's settings, not about a device
 */
export async function readDevicesIn(
  partition: Partition,
  ids: readonly string[],
  fields: readonly FieldName[],
  liveness: LivenessMode = 'read',
): Promise<DeviceReading[]> {
  if (ids.length === 0) return [];
  const { dialect } = await partition.settings();
  const [first, second] = dialectOrder(dialect);
  const readings = await readInPages(ids, fields, (page) =>
    readPage(partition, [first], page, fields, liveness),
  );
  const missing = readings.filter(({ device, error }) => !device && !error).map(({ id }) => id);
  if (missing.length === 0) return readings;
  const inOtherDialect = await readInPages(missing, fields, (page) =>
    readPage(partition, [second], page, fields, liveness),
  );
  const others = new Map(inOtherDialect.map((reading) => [reading.id, reading]));
  return readings.map((reading) => others.get(reading.id) ?? reading);
}

/**
 * Reads one device. A broken field is an error only if it is read, so a caller names the fields that it needs.
 * @param fields default: all fields
 * @throws DevstateError NOT_FOUND, BAD_RECORD, USAGE, CONNECTION
 */
export async function readDevice(
  fleet: Fleet,
  id: string,
  fields: readonly FieldName[] = ALL_FIELDS,
): Promise<DeviceRecord> {
  validId(id);
  const dialect = await dialectToTryFirst(fleet);
  const readings = await mapItemsByPartition(fleet, [id], async (partition) => [
    await awaitItemResult(readDeviceIn(partition, id, dialect, fields)),
  ]);
  return unwrapOne(readings);
}

/**
 * Returns the dialect in which a single record is tried first: the one that the fleet declares, else `node`. No records
 * are read to find the fleet's dialect: `readDeviceIn` tries both, and Redis may deny the user to read random records.
 * @throws DevstateError USAGE: the caller gave a dialect that is not the fleet's; CONNECTION, BAD_RECORD
 */
export async function dialectToTryFirst(fleet: Fleet): Promise<Dialect> {
  if (fleet.options.dialect) await fleet.settings(); // Called only to throw USAGE if the dialect is wrong.
  const { dialect = 'node' } = await fleet.declared();
  return dialect;
}

/**
 * Reads one device. The record is read in both dialects in one round trip, so the caller need not find
 * out the fleet's dialect first, which would take another round trip.
 * @param dialect the dialect that decides if the record has the id field of both
 * @throws DevstateError NOT_FOUND, BAD_RECORD, CONNECTION
 */
export async function readDeviceIn(
  partition: Partition,
  id: string,
  dialect: Dialect,
  fields: readonly FieldName[],
): Promise<DeviceRecord> {
  const [reading] = await readPage(partition, dialectOrder(dialect), [id], fields, 'read');
  return unwrapOne([toItemResult(reading as DeviceReading)]);
}

/**
 * Reads all fields of many devices. The results are in the order of the ids; for a device that is not found or has a
 * broken record, the result is its error.
 * @throws DevstateError CONNECTION: no device was answered; BAD_RECORD, USAGE
 */
export async function readWholeDevices(
  fleet: Fleet,
  ids: readonly string[],
): Promise<ItemResult<DeviceRecord>[]> {
  return sendValidItems(ids, validId, (valid) =>
    mapItemsByPartition(fleet, valid, async (partition, group) =>
      (await readDevicesIn(partition, group, ALL_FIELDS)).map(toItemResult),
    ),
  );
}

function toItemResult({ id, device, error }: DeviceReading): ItemResult<DeviceRecord> {
  return device ?? error ?? notFoundError(id);
}

async function readInPages(
  ids: readonly string[],
  fields: readonly FieldName[],
  read: (page: readonly string[]) => Promise<DeviceReading[]>,
): Promise<DeviceReading[]> {
  const page = new AdaptivePage(fields);
  const readings: DeviceReading[] = [];
  while (readings.length < ids.length) {
    const some = ids.slice(readings.length, readings.length + page.size);
    const results = await isolateDenials(some, read);
    const found = results.map((result, i) =>
      result instanceof DevstateError ? { id: some[i] as string, error: result } : result,
    );
    page.observe(found);
    readings.push(...found);
  }
  return readings;
}

/**
 * Reads devices in one round trip. A record is decoded in the first of the dialects whose id field it has.
 * @throws DevstateError CONNECTION; with the reason DEVICE_DENIED if a key of any of the devices is denied
 */
async function readPage(
  partition: Partition,
  dialects: readonly Dialect[],
  ids: readonly string[],
  fields: readonly FieldName[],
  liveness: LivenessMode,
): Promise<DeviceReading[]> {
  const names: readonly FieldName[] = ['id', ...fields];
  const inDialects = dialects.map((dialect) => ({
    fields: names.map((name) => fieldName(dialect, name)),
    decode: recordDecoder(dialect, names),
  }));
  const oversize = await oversizeIn(
    partition,
    ids,
    inDialects.map(({ fields }) => fields),
    names,
  );
  const commands: RedisRequest[] = [['time']];
  for (const id of ids) {
    if (oversize.has(id)) continue;
    const key = partition.keys.state(id);
    for (const { fields } of inDialects) commands.push(['hmget', key, ...fields]);
    if (liveness === 'read') commands.push(['pttl', partition.keys.heartbeat(id)]);
  }
  const replies = await partition.pipeline(commands).catch((error) => {
    throw asDeviceDenial(error);
  });
  const now = parseServerTime(replies[0]);
  let next = 1;
  return ids.map((id) => {
    const error = oversize.get(id);
    if (error) return { id, error };
    const records = inDialects.map(({ decode }) => ({ decode, values: replies[next++] }));
    const pttl = liveness === 'read' ? Number(replies[next++]) : GONE_PTTL;
    for (const { decode, values } of records) {
      if (values instanceof DevstateError) return { id, error: values };
      const known = values as (ReadText | null)[];
      if (known[0] === null) continue;
      const device = itemResultOf(() => decode(id, known, { pttl, now }));
      return device instanceof DevstateError ? { id, error: device } : { id, device };
    }
    return { id };
  });
}

const NONE: ReadonlyMap<string, DevstateError> = new Map();

/** Returns an error for each device with a field that is too large; none if the fleet declares no device logins. */
async function oversizeIn(
  partition: Partition,
  ids: readonly string[],
  fieldLists: readonly (readonly string[])[],
  names: readonly FieldName[],
): Promise<ReadonlyMap<string, DevstateError>> {
  if (!(await partition.declared()).deviceLogins) return NONE;
  const fields = fieldLists.flatMap((list) =>
    list.map((stored, i) => ({ name: names[i] as FieldName, stored })),
  );
  return findOversize(partition, ids, fields);
}
