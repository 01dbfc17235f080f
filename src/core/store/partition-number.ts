/**
 * The partition of a device follows from its id alone. The function must never change: devices would not be found any
 * more. This file must not import ioredis, also not indirectly, because commands load it at their start.
 */
import { mixBits } from './mix-bits.js';

/**
 * Returns the number of the partition of a device, from 0: a hash of the id (FNV-1a over its UTF-8 bytes, then
 * `mixBits`) modulo `count`.
 */
export function partitionNumber(id: string, count: number): number {
  if (count === 1) return 0;
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(id)) hash = Math.imul(hash ^ byte, 0x01000193);
  return mixBits(hash) % count;
}
