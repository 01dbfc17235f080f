/**
 * Computes the partition of a device from its id. The result must never change for an id, or stored devices would not
 * be found any more. This file must not import ioredis, not even indirectly: the command line loads the file at its
 * start, and ioredis would slow down commands that need no connection, such as `--help`.
 */
import { mixBits } from './mix-bits.js';

/**
 * Returns the number, from 0, of the partition of a device in a fleet with `count` partitions: a hash of the id (FNV-1a
 * over its UTF-8 bytes, then `mixBits`) modulo `count`.
 */
export function partitionNumber(id: string, count: number): number {
  if (count === 1) return 0;
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(id)) hash = Math.imul(hash ^ byte, 0x01000193);
  return mixBits(hash) % count;
}
