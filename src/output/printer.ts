/**
 * Prints domain objects in the format of `--output`, by their view. The format is chosen here and
 * nowhere else. Rows go one by one through a formatter to stdout, so that a list of any length
 * takes little memory.
 */
import type { Writable } from 'node:stream';
import { loadPaint, type Paint } from './color.js';
import { escapeName, escapeText } from './escape.js';
import { type Field, formatField, parseFields, project } from './fields.js';
import { type Formatter, formatJson, jsonArray, perLine } from './formatter.js';
import type { Spinner } from './spinner.js';
import { createStdoutWriter } from './stdout-writer.js';
import { streamingTable } from './streaming-table.js';
import type { TableColumn, TableOptions } from './table-cells.js';
import type { Times } from './times.js';
import type { Format, Highlight, SheetRow, View } from './view.js';

export interface PrinterOptions {
  format: Format;
  /** The paths of `--fields`, as typed. */
  fields?: readonly string[] | undefined;
  headers: boolean;
  color: boolean;
  /** Prints nothing on stderr for an empty list. */
  quiet: boolean;
  stdout: Writable;
  stderr: Writable;
  times: Times;
  /** Stopped before the first row is written. */
  spinner?: Spinner;
  /** Once aborted, lists end at the next row, except those of actions, which run to their end. */
  signal: AbortSignal;
}

/** Rows one by one, or in chunks, which cost less where there may be millions. */
export type Rows<T> = AsyncIterable<T> | Iterable<T> | { chunks: AsyncIterable<readonly T[]> };

export interface Printer {
  readonly format: Format;
  /** Whether the format is json or ndjson. */
  readonly isJson: boolean;
  /** Whether the view's columns, sheet or line are printed: table or wide, without `--fields`. Otherwise its JSON output is. */
  readonly isHumanReadable: boolean;
  /**
   * Checks that the view has the fields of `--fields`, for commands that change something before they print.
   * @throws DevstateError USAGE: a field that the view does not have
   */
  check<T>(view: View<T>): void;
  /** Prints a single object. */
  one<T>(view: View<T>, row: T): Promise<void>;
  /**
   * Prints a list that ends. Resolves to the number of rows, fewer if stdout was closed before.
   * With `view.line` the rows are the results of actions: these are read to their end even if stdout is closed.
   */
  list<T>(view: View<T>, rows: Rows<T>): Promise<number>;
  /** Prints rows that may have no end, each as soon as it comes. Resolves to their number. */
  stream<T>(view: View<T>, rows: Rows<T>): Promise<number>;
}

/** How many rows of a list are measured before the first line of its table is written. */
const SAMPLE_ROWS = 100;

/**
 * How the rows of a table come: all of them known before the first is written, in a list of
 * any length, or one at a time as things happen.
 */
type Layout = 'bounded' | 'list' | 'live';

export function createPrinter(options: PrinterOptions): Printer {
  const { format, times, stderr, spinner } = options;
  const isJson = format === 'json' || format === 'ndjson';
  const isHumanReadable = (format === 'table' || format === 'wide') && options.fields === undefined;
  const writer = createStdoutWriter(options.stdout, {
    signal: options.signal,
    beforeWrite: () => spinner?.stop(),
  });
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
    if (format === 'name') return perLine((row) => escapeName(view.name(row)));
    if (format === 'json' && !live) return jsonArray(json);
    if (isJson) return perLine((row) => formatJson(json(row)));
    if (format === 'yaml') return (await import('./yaml.js'))[live ? 'yamlStream' : 'yamlList'](json);
    if (format === 'csv')
      return (await import('./csv.js')).csv(options.fields ?? view.fields, json, options.headers);
    const { line } = view;
    if (isHumanReadable && line) return perLine((row) => escapeText(line(row, times)));
    return viewTable(view, layout);
  }

  const isWanted = () => !writer.isClosed && !options.signal.aborted;

  async function feed<T>(rows: Rows<T>, formatter: Formatter<T>, mayContinue = isWanted): Promise<number> {
    let count = 0;
    const write = (row: T): Promise<void> | undefined => {
      count += 1;
      const text = formatter.row(row);
      return typeof text === 'string' ? writer.write(text) : text.then(writer.write);
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
      // Also when reading the rows has failed: a JSON array is closed, and rows held back are printed.
      await writer.write(formatter.end());
      await writer.flush();
    }
    return count;
  }

  /** Awaits a write only if it returns a promise: an await for each row would cost more than the row. */
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
      await feed(
        [jsonOf(view)(row)],
        perLine((value) => formatJson(value, 2)),
      );
    else if (isHumanReadable && view.sheet)
      await feed(view.sheet(row, times).flatMap(sheetLines), await tableOf(SHEET, 'bounded'));
    else if (format === 'yaml') await feed([row], (await import('./yaml.js')).yamlDocument(jsonOf(view)));
    else await feed([row], await formatterOf(view, 'bounded'));
  }

  async function list<T>(view: View<T>, rows: Rows<T>): Promise<number> {
    const count = await feed(
      rows,
      await formatterOf(view, Array.isArray(rows) ? 'bounded' : 'list'),
      view.line === undefined ? isWanted : () => true,
    );
    if (count === 0 && view.emptyNotice !== undefined && !isJson && !options.quiet) {
      spinner?.stop();
      stderr.write(`${view.emptyNotice}\n`);
    }
    return count;
  }

  return {
    format,
    isJson,
    isHumanReadable,
    check: (view) => void chosenFields(view),
    one,
    list,
    // The signal does not end the loop: the rows end by themselves, after the last that has happened.
    async stream(view, rows) {
      spinner?.show('waiting for the first row');
      return feed(rows, await formatterOf(view, 'live'), () => !writer.isClosed);
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

/** One row per line of a value; only the first has the field's name. */
function sheetLines([field, value, highlight]: SheetRow): SheetLine[] {
  const lines = typeof value === 'string' ? [value] : value;
  return lines.map((text, i): SheetLine => [i === 0 ? field : '', text, highlight]);
}
