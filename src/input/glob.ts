/**
 * Returns a RegExp for a glob of device ids: `*` matches any number of characters, `?` exactly one; every other
 * character matches itself.
 */
export function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${source}$`, 'su');
}
