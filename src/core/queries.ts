/**
 * Questions to the whole fleet, answered in chunks: memory stays flat and no command grows
 * with the fleet. The heartbeat key and the record decide; sets only say where to look,
 * because other programs may have bypassed them.
 */
import { type DeviceRecord, validType } from './device.js';
import type { FieldName } from './dialect.js';
import type { Fleet } from './fleet.js';
import { EVERYTHING, type Reading, readDevices, SUMMARY, serverTime } from './records.js';

export interface QueryOptions {
  /** Only devices whose record says this type. */
  type?: string;
  /** Hears of ids that have no device to show: a broken record, or none with an id field. */
  onProblem?: (reading: Reading) => void;
}

const SCAN_COUNT = 500;

/** Who is online now: a live heartbeat key, or no row. */
export async function* onlineDevices(fleet: Fleet, options: QueryOptions = {}): AsyncGenerator<DeviceRecord> {
  for await (const device of members(fleet, fleet.keys.online, SUMMARY, options)) {
    if (device.status === 'online') yield device;
  }
}

export interface ListOptions extends QueryOptions {
  /** `never`: offline and never seen. */
  status?: 'online' | 'offline' | 'never';
  /** Read reported and desired too. */
  withState?: boolean;
}

/** Any part of the registered fleet. */
export async function* listDevices(fleet: Fleet, options: ListOptions = {}): AsyncGenerator<DeviceRecord> {
  const { type, status, withState = false } = options;
  const from = type === undefined ? fleet.keys.registered : fleet.keys.type(validType(type));
  for await (const device of members(fleet, from, withState ? EVERYTHING : SUMMARY, options)) {
    if (status === undefined || status === device.status) yield device;
    else if (status === 'never' && device.status === 'offline' && device.lastSeen === null) yield device;
  }
}

export interface StaleOptions extends QueryOptions {
  /** ms; 3,600,000. */
  olderThan?: number;
  /** False: leave out devices that were never seen. */
  never?: boolean;
}

export interface StaleDevice extends DeviceRecord {
  /** Since it was last seen, seconds; null: never seen. */
  ageSeconds: number | null;
}

/** Who has not been seen for that long: never seen first, then the oldest. Holds the answer, not the fleet. */
export async function staleDevices(fleet: Fleet, options: StaleOptions = {}): Promise<StaleDevice[]> {
  const { olderThan = 3_600_000, never = true } = options;
  const now = serverTime(await fleet.send(() => fleet.redis.time()));
  const stale: StaleDevice[] = [];
  for await (const device of listDevices(fleet, options)) {
    const age = device.lastSeen === null ? null : Math.max(0, now - device.lastSeen);
    if (age === null ? never : age >= olderThan) {
      stale.push({ ...device, ageSeconds: age === null ? null : age / 1000 });
    }
  }
  return stale.sort((a, b) => (a.lastSeen ?? 0) - (b.lastSeen ?? 0) || compareIds(a, b));
}

/** Plain code-unit order: the same everywhere, whatever the locale. */
export function compareIds(a: DeviceRecord, b: DeviceRecord): number {
  return a.deviceId < b.deviceId ? -1 : a.deviceId > b.deviceId ? 1 : 0;
}

async function* members(
  fleet: Fleet,
  key: string,
  fields: readonly FieldName[],
  { type, onProblem }: QueryOptions,
): AsyncGenerator<DeviceRecord> {
  for await (const ids of scanSet(fleet, key)) {
    for (const reading of await readDevices(fleet, ids, fields)) {
      if (!reading.device) onProblem?.(reading);
      else if (type === undefined || reading.device.deviceType === type) yield reading.device;
    }
  }
}

/** The members of a set in chunks, each once: SSCAN may repeat some while the set grows. */
async function* scanSet(fleet: Fleet, key: string): AsyncGenerator<string[]> {
  const seen = new Set<string>();
  let cursor = '0';
  do {
    const [next, found] = await fleet.send(() => fleet.redis.sscan(key, cursor, 'COUNT', SCAN_COUNT));
    cursor = next;
    const fresh = found.filter((id) => !seen.has(id));
    for (const id of fresh) seen.add(id);
    for (let from = 0; from < fresh.length; from += SCAN_COUNT)
      yield [...new Set(fresh.slice(from, from + SCAN_COUNT))];
  } while (cursor !== '0');
}
