/**
 * Returns the path of a key in a document as `set-desired` takes it: `net.wifi`, with dots and other special
 * characters within a name escaped.
 */
export function pathText(path: readonly string[]): string {
  return path.map((name) => name.replace(/[\\.=:[]/g, '\\$&')).join('.');
}
