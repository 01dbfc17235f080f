/**
 * The last step of MurmurHash3: a change of any bit of the input changes about half of the bits of the result, which is
 * an integer from 0 to 2^32 - 1. The partition of a device depends on it, so it must never change.
 */
export function mixBits(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
