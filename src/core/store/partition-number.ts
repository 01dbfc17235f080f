/**
 * Which partition a device is in. This is a file without imports, because commands load it at their start and
 * partition.ts imports ioredis.
 */

/** FNV-1a over the UTF-8 bytes, mixed by murmur3's last step; the number of a partition, from 0. */
export function partitionNumber(id: string, count: number): number {
  if (count === 1) return 0;
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(id)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % count;
}
