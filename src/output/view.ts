/**
 * A view says how objects of one kind are shown in each output format. A command passes whole
 * domain objects and a view to the printer, which applies `--output` and `--fields`; a command
 * never shapes its data by the format.
 */
import type { Times } from './times.js';

export const FORMATS = ['table', 'wide', 'json', 'ndjson', 'yaml', 'csv', 'name'] as const;
export type Format = (typeof FORMATS)[number];

/** The colour of a cell on a terminal: green for `good`, red for `bad`. */
export type Highlight = 'good' | 'bad';

export interface Column<T> {
  /** In capitals, for example LAST-SEEN. */
  header: string;
  cell(row: T, times: Times): string;
  highlight?(row: T): Highlight | undefined;
  /** The least width, in terminal columns: for streams, whose rows cannot be measured before the first is written. */
  width?: number;
}

/** One FIELD VALUE row of a sheet; a value of several lines (a JSON document) is an array of lines. */
export type SheetRow = readonly [
  field: string,
  value: string | readonly string[],
  tone?: Highlight | undefined,
];

export interface View<T> {
  /** The top-level names of the JSON output, in order; `--fields` may name these. */
  fields: readonly string[];
  /** The JSON output of a row; numbers in documents keep their digits (core/model/json.ts). */
  json(row: T): Record<string, unknown>;
  /** What `-o name` prints. */
  name(row: T): string;
  columns: readonly Column<T>[];
  /** Further columns of `-o wide`. */
  wide?: readonly Column<T>[];
  /** Printed on stderr for an empty list, for example `no devices online`. */
  emptyNotice?: string;
  /** For the results of actions: in table format each row is this line, and there is no table. */
  line?(row: T, times: Times): string;
  /** In table format, how a single object is shown: as FIELD VALUE rows (`get ID`). */
  sheet?(row: T, times: Times): readonly SheetRow[];
}
