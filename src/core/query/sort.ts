/**
 * The orders of lists of devices, and sorting in memory. Each order is the same as that of a list that is read from
 * the index in order, so a list does not depend on how it was made.
 */
import type { Status } from '../model/device.js';

interface Row {
  deviceId: string;
}
export interface SeenRow extends Row {
  lastSeen: number | null;
}
export interface RegisteredRow extends SeenRow {
  registeredAt: number | null;
}
interface ExpiringRow extends SeenRow {
  status: Status;
  expiresAt: number | null;
}

/** The order by device id. Ids are compared by UTF-16 code units, so that the order does not depend on the locale. */
export function byId(a: Row, b: Row): number {
  return a.deviceId < b.deviceId ? -1 : a.deviceId > b.deviceId ? 1 : 0;
}

/** The order by last heartbeat: devices never seen first, then the longest unseen first; at the same time by id. */
export function byLastSeen(a: SeenRow, b: SeenRow): number {
  return (a.lastSeen ?? 0) - (b.lastSeen ?? 0) || byId(a, b);
}

/**
 * The order by how long a device has been silent: since its last heartbeat or, if it was never seen, since its
 * registration. The longest silent first, at the same time by id.
 */
export function bySilence(a: RegisteredRow, b: RegisteredRow): number {
  return (silentSince(a) ?? 0) - (silentSince(b) ?? 0) || byId(a, b);
}

/**
 * Returns since when a device has been silent, epoch ms; null: it was never seen, and its record has no time of
 * registration.
 */
export function silentSince({ lastSeen, registeredAt }: Omit<RegisteredRow, 'deviceId'>): number | null {
  return lastSeen ?? registeredAt;
}

/**
 * The order by deadline: online devices first, by when their heartbeat key expires, the earliest first, and those whose
 * key has no TTL last; then offline devices in the order `byLastSeen`.
 */
export function byDeadline(a: ExpiringRow, b: ExpiringRow): number {
  if (a.status !== b.status) return a.status === 'online' ? -1 : 1;
  if (a.status === 'offline') return byLastSeen(a, b);
  return (a.expiresAt ?? NO_DEADLINE) - (b.expiresAt ?? NO_DEADLINE) || byId(a, b);
}

const NO_DEADLINE = Number.MAX_SAFE_INTEGER;

/** Reads all rows into memory, and returns them sorted. */
export async function sortAll<R>(
  chunks: AsyncIterable<readonly R[]>,
  compare: (a: R, b: R) => number,
): Promise<R[]> {
  const all: R[] = [];
  for await (const chunk of chunks) for (const row of chunk) all.push(row);
  return all.sort(compare);
}
