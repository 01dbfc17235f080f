/**
 * Returns an object with the named properties of a row, in the order of `fields`. Views use it for their JSON
 * output.
 */
export function pickFields<Row, Field extends keyof Row & string>(
  row: Row,
  fields: readonly Field[],
): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field, row[field]]));
}
