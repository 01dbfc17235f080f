/** The orders of lists, and sorting in memory. The order is the same whether the index gives it or a list is sorted. */
import type { Status } from '../model/device.js';

interface Row {
  deviceId: string;
}
export interface SeenRow extends Row {
  lastSeen: number | null;
}
interface ExpiringRow extends SeenRow {
  status: Status;
  expiresAt: number | null;
}

/** Compares by UTF-16 code units, so that the order does not depend on the locale. */
export function byId(a: Row, b: Row): number {
  return a.deviceId < b.deviceId ? -1 : a.deviceId > b.deviceId ? 1 : 0;
}

/** Never seen first, then the longest unseen first; those of the same time by id. */
export function byLastSeen(a: SeenRow, b: SeenRow): number {
  return (a.lastSeen ?? 0) - (b.lastSeen ?? 0) || byId(a, b);
}

/** Online devices by deadline, the earliest first, those without a deadline last; then offline devices `byLastSeen`. */
export function byDeadline(a: ExpiringRow, b: ExpiringRow): number {
  if (a.status !== b.status) return a.status === 'online' ? -1 : 1;
  if (a.status === 'offline') return byLastSeen(a, b);
  return (a.expiresAt ?? NO_DEADLINE) - (b.expiresAt ?? NO_DEADLINE) || byId(a, b);
}

const NO_DEADLINE = Number.MAX_SAFE_INTEGER;

/** Returns all rows, sorted. They are all in memory. */
export async function sortAll<R>(
  chunks: AsyncIterable<readonly R[]>,
  compare: (a: R, b: R) => number,
): Promise<R[]> {
  const all: R[] = [];
  for await (const chunk of chunks) for (const row of chunk) all.push(row);
  return all.sort(compare);
}
