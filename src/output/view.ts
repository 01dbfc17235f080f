/**
 * How one kind of thing is shown. Commands yield whole domain objects and name a view;
 * the printer chooses the format once, at the end, so data never depends on a flag.
 */
import type { Times } from './times.js';

export const FORMATS = ['table', 'wide', 'json', 'ndjson', 'yaml', 'csv', 'name'] as const;
export type Format = (typeof FORMATS)[number];

/** What a cell means, for colour on a terminal. */
export type Highlight = 'good' | 'bad';

export interface Column<T> {
  /** In capitals, as kubectl has it: LAST-SEEN. */
  header: string;
  cell(row: T, times: Times): string;
  highlight?(row: T): Highlight | undefined;
  /** A width to begin with, for streams whose rows cannot be measured first. */
  width?: number;
}

/** A document comes as its lines. */
export type SheetRow = readonly [
  field: string,
  value: string | readonly string[],
  tone?: Highlight | undefined,
];

export interface View<T> {
  /** The top-level names of the JSON output, in order: what `--fields` may name. */
  fields: readonly string[];
  /** The JSON output of a row; documents as lossless values (core/model/json.ts). */
  json(row: T): Record<string, unknown>;
  /** What `-o name` prints. */
  name(row: T): string;
  columns: readonly Column<T>[];
  /** What `-o wide` adds. */
  wide?: readonly Column<T>[];
  /** Said on stderr for an empty list: `no devices online`. */
  emptyNotice?: string;
  /** An action: one line for each in human formats, instead of a table. */
  line?(row: T, times: Times): string;
  /** A single thing as FIELD VALUE rows in human formats (`get ID`). */
  sheet?(row: T, times: Times): readonly SheetRow[];
}
