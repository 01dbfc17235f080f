/**
 * Prints domain objects in the format of `--output`, by their view. Only this file chooses the formatter for a
 * format. Rows go one by one through the formatter to stdout, so that a list of any length takes little memory.
 */
import type { Writable } from 'node:stream';
import { onAbort } from '../core/async/abort.js';
import { loadPaint, type Paint } from './color.js';
import { escapeName, escapeText } from './escape.js';
import { type Field, formatField, parseFields, project } from './fields.js';
import { type Formatter, formatJson, jsonArray, perLine } from './formatter.js';
import type { Spinner } from './spinner.js';
import type { StdoutWriter } from './stdout-writer.js';
import { streamingTable } from './streaming-table.js';
import type { TableColumn, TableOptions } from './table-cells.js';
import type { Times } from './times.js';
import type { Format, Highlight, SheetRow, View } from './view.js';

export interface PrinterOptions {
  format: Format;
  /** The paths of `--fields`, as the user typed them; undefined: all fields. */
  fields?: readonly string[] | undefined;
  headers: boolean;
  color: boolean;
  /**
   * True (`--quiet`): no notice is printed on stderr for an empty list. False: the view's `emptyNotice` is
   * printed, except in the formats json and ndjson.
   */
  quiet: boolean;
  output: StdoutWriter;
  /** Whether stdout is a terminal: then names are escaped as all text for people; else as little as possible. */
  isTerminal: boolean;
  /**
   * True: reading a row performs an action, so rows are read even if the output is lost, and those of a list even if
   * the command is interrupted. False: they are read until the output is lost or the command is interrupted.
   */
  hasEffects: boolean;
  stderr: Writable;
  times: Times;
  /** The spinner of the command; it is stopped before the first row is written. */
  spinner?: Spinner;
  /** When the signal is aborted, a list ends at the next row, unless `hasEffects` is true. */
  signal: AbortSignal;
}

/** The rows of a list: one by one, or in chunks, which take less time per row where there may be millions. */
export type Rows<T> = AsyncIterable<T> | Iterable<T> | { chunks: AsyncIterable<readonly T[]> };

export interface Printer {
  readonly format: Format;
  /** Whether the format is json or ndjson. */
  readonly isJson: boolean;
  /**
   * Whether the output is for people: the format is table or wide, without `--fields`. Then the view's columns,
   * sheet or line are printed, otherwise its JSON output or name.
   */
  readonly isHumanReadable: boolean;
  /**
   * Checks that the view has the fields of `--fields`. Commands call it before they change anything, so that a
   * misspelt field has no effect.
   * @throws DevstateError USAGE: a field that the view does not have
   */
  check<T>(view: View<T>): void;
  /** Prints a single object, not a list: its JSON is indented and not in an array. */
  one<T>(view: View<T>, row: T): Promise<void>;
  /**
   * Prints a list that has an end. Resolves to the number of rows, which is smaller if the output is lost, or the
   * command is interrupted, before the end.
   */
  list<T>(view: View<T>, rows: Rows<T>): Promise<number>;
  /** Prints rows that may have no end, each as soon as it comes. Resolves to the number of rows. */
  stream<T>(view: View<T>, rows: Rows<T>): Promise<number>;
}

/**
 * The number of rows of a list that are held back and measured before the first line of its table is written. A
 * formatter may hold no more than 100. A wider cell in a later row shifts the rest of its own row.
 */
const SAMPLE_ROWS = 100;

/**
 * How the rows of a table come. `bounded`: all are known before the first is written. `list`: a list of any length.
 * `live`: one at a time, as things happen.
 */
type Layout = 'bounded' | 'list' | 'live';

export function createPrinter(options: PrinterOptions): Printer {
  const { format, times, stderr, spinner, output, hasEffects } = options;
  const isJson = format === 'json' || format === 'ndjson';
  const isHumanReadable = (format === 'table' || format === 'wide') && options.fields === undefined;
  let paint: Promise<Paint> | undefined;

  const chosenFields = <T>(view: View<T>) => options.fields && parseFields(options.fields, view.fields);

  function jsonOf<T>(view: View<T>): (row: T) => Record<string, unknown> {
    const fields = chosenFields(view);
    return fields ? (row) => project(view.json(row), fields) : (row) => view.json(row);
  }

  async function tableOf<T>(columns: readonly TableColumn<T>[], layout: Layout): Promise<Formatter<T>> {
    paint ??= loadPaint(options.color);
    const style: TableOptions = { headers: options.headers, paint: await paint };
    if (layout === 'bounded') return (await import('./bounded-table.js')).boundedTable(columns, style);
    return streamingTable(columns, style, layout === 'live' ? 1 : SAMPLE_ROWS);
  }

  async function viewTable<T>(view: View<T>, layout: Layout): Promise<Formatter<T>> {
    const fields = chosenFields(view);
    if (fields) {
      const inner = await tableOf(fields.map(fieldColumn), layout);
      return { row: (row) => inner.row(view.json(row)), end: inner.end };
    }
    const columns = format === 'wide' ? [...view.columns, ...(view.wide ?? [])] : view.columns;
    return tableOf(
      columns.map((column) => ({ ...column, cell: (row: T) => column.cell(row, times) })),
      layout,
    );
  }

  async function formatterOf<T>(view: View<T>, layout: Layout): Promise<Formatter<T>> {
    const live = layout === 'live';
    const json = jsonOf(view);
    if (format === 'name') {
      const escaped = options.isTerminal ? escapeText : escapeName;
      return perLine((row) => escaped(view.name(row)));
    }
    if (format === 'json' && !live) return jsonArray(json);
    if (isJson) return perLine((row) => formatJson(json(row)));
    if (format === 'yaml') return (await import('./yaml.js'))[live ? 'yamlStream' : 'yamlList'](json);
    if (format === 'csv')
      return (await import('./csv.js')).csv(options.fields ?? view.fields, json, options.headers);
    const { line } = view;
    if (isHumanReadable && line) return perLine((row) => escapeText(line(row, times)));
    return viewTable(view, layout);
  }

  const { signal } = options;

  function writeText(text: string): Promise<void> | undefined {
    if (text !== '') spinner?.stop();
    return output.write(text);
  }

  async function writeRows<T>(
    rows: Rows<T>,
    formatter: Formatter<T>,
    mayContinue = () => true,
  ): Promise<number> {
    let count = 0;
    const write = (row: T): Promise<void> | undefined => {
      count += 1;
      const text = formatter.row(row);
      return typeof text === 'string' ? writeText(text) : text.then(writeText);
    };
    try {
      if ('chunks' in rows) await feedChunks(rows.chunks, write, mayContinue);
      else {
        for await (const row of rows) {
          await write(row);
          if (!mayContinue()) break;
        }
      }
    } finally {
      // The formatter is ended even if reading the rows has failed, so that a JSON array is closed and rows that
      // were held back are printed.
      await writeText(formatter.end());
      await output.flush();
    }
    return count;
  }

  /**
   * Writes rows that come in chunks. A write is awaited only if it returns a promise, because an await for each row
   * would take longer than the row itself.
   */
  async function feedChunks<T>(
    chunks: AsyncIterable<readonly T[]>,
    write: (row: T) => Promise<void> | undefined,
    mayContinue: () => boolean,
  ): Promise<void> {
    for await (const chunk of chunks) {
      for (const row of chunk) {
        const written = write(row);
        if (written) await written;
        if (!mayContinue()) return;
      }
    }
  }

  async function one<T>(view: View<T>, row: T): Promise<void> {
    if (format === 'json')
      await writeRows(
        [jsonOf(view)(row)],
        perLine((value) => formatJson(value, 2)),
      );
    else if (isHumanReadable && view.sheet)
      await writeRows(view.sheet(row, times).flatMap(sheetLines), await tableOf(SHEET, 'bounded'));
    else if (format === 'yaml')
      await writeRows([row], (await import('./yaml.js')).yamlDocument(jsonOf(view)));
    else await writeRows([row], await formatterOf(view, 'bounded'));
  }

  async function list<T>(view: View<T>, rows: Rows<T>): Promise<number> {
    const count = await writeRows(
      rows,
      await formatterOf(view, Array.isArray(rows) ? 'bounded' : 'list'),
      () => hasEffects || !(output.lost.aborted || signal.aborted),
    );
    if (count === 0 && view.emptyNotice !== undefined && !isJson && !options.quiet) {
      spinner?.stop();
      stderr.write(`${view.emptyNotice}\n`);
    }
    return count;
  }

  function noticeClosed(): void {
    if (output.failure === undefined && !signal.aborted && !options.quiet)
      stderr.write('standard output was closed; continuing\n');
  }

  return {
    format,
    isJson,
    isHumanReadable,
    check: (view) => void chosenFields(view),
    one,
    list,
    // On an abort, rows that come as things happen end by themselves, and all rows until then are printed.
    async stream(view, rows) {
      spinner?.show('waiting for the first row');
      if (hasEffects) onAbort(output.lost, noticeClosed);
      const mayContinue = () => !output.lost.aborted || (hasEffects && !signal.aborted);
      return writeRows(rows, await formatterOf(view, 'live'), mayContinue);
    },
  };
}

function fieldColumn(field: Field): TableColumn<Record<string, unknown>> {
  return { header: field.text.toUpperCase(), cell: (row) => formatField(row, field) };
}

type SheetLine = readonly [field: string, value: string, highlight?: Highlight | undefined];

const SHEET: readonly TableColumn<SheetLine>[] = [
  { header: 'FIELD', cell: ([field]) => field },
  { header: 'VALUE', cell: ([, value]) => value, highlight: ([, , highlight]) => highlight },
];

/** Splits a row of a sheet into one table row for each line of its value; only the first shows the field's name. */
function sheetLines([field, value, highlight]: SheetRow): SheetLine[] {
  const lines = typeof value === 'string' ? [value] : value;
  return lines.map((text, i): SheetLine => [i === 0 ? field : '', text, highlight]);
}
