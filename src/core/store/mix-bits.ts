/**
 * The last step of the hash function MurmurHash3: a change of any bit of the input changes about half of the bits of
 * the result, which is an integer from 0 to 2^32 - 1. This function must never change: the partition of a device is
 * computed with it, and with another result stored devices would be looked for in the wrong partition.
 */
export function mixBits(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
