/**
 * A view says how objects of one kind are shown in each output format. A command passes domain objects and a view
 * to the printer, which applies `--output` and `--fields`, so that most commands need not know the format.
 */
import type { Times } from './times.js';

export const FORMATS = ['table', 'wide', 'json', 'ndjson', 'yaml', 'csv', 'name'] as const;
export type Format = (typeof FORMATS)[number];

/** The colour of a cell on a terminal: green for `good`, red for `bad`. */
export type Highlight = 'good' | 'bad';

export interface Column<T> {
  /** The heading of the column, in capitals: LAST-SEEN. */
  header: string;
  cell(row: T, times: Times): string;
  highlight?(row: T): Highlight | undefined;
  /**
   * The least width, in terminal columns. Tables that grow while things happen need it, because their rows cannot
   * be measured before the first is written.
   */
  width?: number;
}

/**
 * One row of a sheet, the table of FIELD and VALUE that shows a single object; a value of several lines (a JSON
 * document) is an array of lines.
 */
export type SheetRow = readonly [
  field: string,
  value: string | readonly string[],
  tone?: Highlight | undefined,
];

export interface View<T> {
  /** The top-level names of the JSON output, in order; each path in `--fields` must begin with one of them. */
  fields: readonly string[];
  /** Returns the JSON output of a row; numbers in documents keep all their digits (core/model/json.ts). */
  json(row: T): Record<string, unknown>;
  /** Returns what `-o name` prints for a row. */
  name(row: T): string;
  columns: readonly Column<T>[];
  /** The columns that `-o wide` shows after `columns`. */
  wide?: readonly Column<T>[];
  /** The notice that is printed on stderr for an empty list, for example `no devices online`. */
  emptyNotice?: string;
  /**
   * For the results of actions such as `register`: returns the line that the formats table and wide print for a
   * row, in place of a table.
   */
  line?(row: T, times: Times): string;
  /** Returns the rows of FIELD and VALUE that show a single object (`get ID`) in the formats table and wide. */
  sheet?(row: T, times: Times): readonly SheetRow[];
}
