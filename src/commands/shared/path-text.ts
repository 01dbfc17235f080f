/** Returns a path as `set-desired` takes it: `net.wifi`, with dots within a name escaped. */
export function pathText(path: readonly string[]): string {
  return path.map((name) => name.replace(/[\\.=:[]/g, '\\$&')).join('.');
}
