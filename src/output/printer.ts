/**
 * Where a format is chosen, and the only place. Commands hand over whole domain objects and
 * a view of them; lists stream through a formatter (formatter.ts, table.ts) into the writer.
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
  /** Paths as typed (`splitFields`). */
  fields?: readonly string[] | undefined;
  headers: boolean;
  color: boolean;
  /** No word on stderr about an empty list. */
  quiet: boolean;
  stdout: Writable;
  stderr: Writable;
  times: Times;
  /** Stopped before the first row is written. */
  spinner?: Spinner;
  /** Ends what is printed for its own sake; what rows do in passing goes on. */
  signal: AbortSignal;
}

/** One by one as they come, or many together: of those there may be millions. */
export type Rows<T> = AsyncIterable<T> | Iterable<T> | { chunks: AsyncIterable<readonly T[]> };

export interface Printer {
  readonly format: Format;
  /** Read by programs: JSON of either kind. */
  readonly isJson: boolean;
  /** As the view has it: a table, a sheet or a line, all fields. The other formats show the JSON output. */
  readonly isHumanReadable: boolean;
  /**
   * Whether `--fields` fits the view: for commands that act before they print.
   * @throws DevstateError USAGE
   */
  check<T>(view: View<T>): void;
  /** A single thing. */
  one<T>(view: View<T>, row: T): Promise<void>;
  /**
   * A list that ends; resolves to its length, or to what a reader took of it before it left.
   * Actions (`view.line`) are done to their end whoever reads of them.
   */
  list<T>(view: View<T>, rows: Rows<T>): Promise<number>;
  /** A list that need not end: each row is written as it comes. */
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

  const chosen = <T>(view: View<T>) => options.fields && parseFields(options.fields, view.fields);

  function jsonOf<T>(view: View<T>): (row: T) => Record<string, unknown> {
    const fields = chosen(view);
    return fields ? (row) => project(view.json(row), fields) : (row) => view.json(row);
  }

  async function tableOf<T>(columns: readonly TableColumn<T>[], layout: Layout): Promise<Formatter<T>> {
    paint ??= loadPaint(options.color);
    const style: TableOptions = { headers: options.headers, paint: await paint };
    if (layout === 'bounded') return (await import('./bounded-table.js')).boundedTable(columns, style);
    return streamingTable(columns, style, layout === 'live' ? 1 : SAMPLE_ROWS);
  }

  async function viewTable<T>(view: View<T>, layout: Layout): Promise<Formatter<T>> {
    const fields = chosen(view);
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

  const asked = () => !writer.isClosed && !options.signal.aborted;

  async function feed<T>(rows: Rows<T>, formatter: Formatter<T>, goesOn = asked): Promise<number> {
    let count = 0;
    const write = (row: T): Promise<void> | undefined => {
      count += 1;
      const text = formatter.row(row);
      return typeof text === 'string' ? writer.write(text) : text.then(writer.write);
    };
    try {
      if ('chunks' in rows) await feedChunks(rows.chunks, write, goesOn);
      else {
        for await (const row of rows) {
          await write(row);
          if (!goesOn()) break;
        }
      }
    } finally {
      // Also when the rows broke off: an array is closed, rows held back are shown.
      await writer.write(formatter.end());
      await writer.flush();
    }
    return count;
  }

  /** Waits only where it has to: an await for each row would cost more than the row. */
  async function feedChunks<T>(
    chunks: AsyncIterable<readonly T[]>,
    write: (row: T) => Promise<void> | undefined,
    goesOn: () => boolean,
  ): Promise<void> {
    for await (const chunk of chunks) {
      for (const row of chunk) {
        const written = write(row);
        if (written) await written;
        if (!goesOn()) return;
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
      view.line === undefined ? asked : () => true,
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
    check: (view) => void chosen(view),
    one,
    list,
    // These end with the signal by themselves, once they have handed over what has happened.
    async stream(view, rows) {
      spinner?.show('waiting for the first row');
      return feed(rows, await formatterOf(view, 'live'), () => !writer.isClosed);
    },
  };
}

function fieldColumn(field: Field): TableColumn<Record<string, unknown>> {
  return { header: field.text.toUpperCase(), cell: (row) => formatField(row, field) };
}

type SheetLine = readonly [field: string, value: string, tone?: Highlight | undefined];

const SHEET: readonly TableColumn<SheetLine>[] = [
  { header: 'FIELD', cell: ([field]) => field },
  { header: 'VALUE', cell: ([, value]) => value, highlight: ([, , tone]) => tone },
];

/** The further lines of a document stand below its first. */
function sheetLines([field, value, tone]: SheetRow): SheetLine[] {
  const lines = typeof value === 'string' ? [value] : value;
  return lines.map((text, i): SheetLine => [i === 0 ? field : '', text, tone]);
}
