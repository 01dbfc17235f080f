/**
 * The partition of a device follows from its id alone. The function must never change: devices would not be found any
 * more. This file has no imports, because commands load it at their start and partition.ts imports ioredis.
 */

/**
 * Returns the number of the partition of a device, from 0: a hash of the id (FNV-1a over its UTF-8 bytes, then the last
 * step of MurmurHash3) modulo `count`.
 */
export function partitionNumber(id: string, count: number): number {
  if (count === 1) return 0;
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(id)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % count;
}
