/** The digest that is kept beside a report, by which the next one is told from it (`lua/include/digest.lua`). */
import { hash } from 'node:crypto';
import { valueDigest } from '../model/json-digest.js';

const CHECKSUM_DIGITS = 12;

/**
 * Returns a checksum of a report's text and the digest of its value; '': it has none.
 * @param isExclusive whether no other program writes to the fleet, so that the checksum is not needed
 */
export function reportDigest(text: string, isExclusive: boolean): string {
  const value = valueDigest(text);
  if (value === '') return '';
  return `${isExclusive ? '-' : hash('sha1', text).slice(0, CHECKSUM_DIGITS)} ${value}`;
}
