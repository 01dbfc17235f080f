/**
 * Reads the CSV of `devstate register -f`. The header has names of fields of the JSON output; each row is a device.
 * An empty cell means that the field is absent. The cells of `metadata` are JSON objects.
 */
import { type CsvError, parse } from 'csv-parse';
import { quote, usageError } from '../core/model/errors.js';
import { type JsonObject, LosslessNumber } from '../core/model/json.js';
import { PRINTED_FIELDS } from './device-line.js';
import { type Notice, readJson } from './json.js';
import { type ByteStream, decode, MAX_LINE_BYTES, toBytes, tooLong } from './lines.js';

export interface CsvRow {
  /** The number of the row's last line in the file; the header is line 1. */
  line: number;
  /** Parses the row. @throws DevstateError USAGE: the row is invalid; other rows can still be read */
  read(notice: Notice): JsonObject;
}

/**
 * Yields the rows in batches, one batch for each chunk of the stream.
 * @throws DevstateError USAGE: the header has unknown or repeated names; or a row is too long, so that its end and
 * the next row cannot be found
 */
export async function* csvRows(stream: ByteStream): AsyncGenerator<CsvRow[]> {
  let rows: CsvRow[] = [];
  let lastLine = 1; // the last line of the previous row; at first that of the header
  const add = (line: number, read: CsvRow['read']) => {
    rows.push({ line, read });
    lastLine = line;
  };
  const parser = parse({
    // latin1 keeps every byte. Cells are decoded as UTF-8 later, one by one, so that invalid UTF-8 is an error of
    // its row only.
    encoding: 'latin1',
    columns: namesOf,
    record_delimiter: ['\r\n', '\n'],
    skip_empty_lines: true,
    skip_records_with_error: true,
    // With this option the parser takes a quote in the middle of a cell as plain text; without it, the quote would
    // swallow the next rows. Such a row is then refused, because WELL_QUOTED does not match its raw text.
    relax_quotes: true,
    raw: true,
    max_record_size: MAX_LINE_BYTES,
    // Rows are collected by this callback and not read from the parser, so that rows with an error (`on_skip`) keep
    // their place among the valid ones.
    on_record: ({ record, raw }: Parsed, { lines }) => {
      add(lines, WELL_QUOTED.test(raw) ? (notice) => objectOf(record, notice) : () => refuse(BAD_QUOTE));
      return null;
    },
    on_skip: (error) => {
      if (error?.code === 'CSV_MAX_RECORD_SIZE') throw tooLong(`the row after line ${lastLine}`);
      const reason = error && reasonOf(error, lastLine);
      if (reason) add(Number(error.lines), () => refuse(reason));
    },
  });
  parser.on('error', () => {}); // the event needs a listener; the error itself is taken from the callbacks of write and end
  const settled = (feed: (done: (error?: Error | null) => void) => unknown) =>
    new Promise<Error | null | undefined>((resolve) => feed(resolve));
  const takeRows = () => {
    const batch = rows;
    rows = [];
    return batch;
  };
  for await (const bytes of withoutBom(stream)) {
    const failure = await settled((done) => parser.write(bytes, done));
    if (rows.length > 0) yield takeRows();
    if (failure) throw failure;
  }
  const failure = await settled((done) => parser.end(done));
  if (rows.length > 0) yield takeRows();
  if (failure) throw failure;
}

interface Parsed {
  record: Record<string, string>;
  raw: string;
}

const CELL = '(?:"[^"]*(?:""[^"]*)*"|[^",\\r\\n]*)';
/**
 * Matches the raw text of a row whose quotes are correct: each opens or closes a cell, or is doubled. The raw text
 * includes blank lines before the row, and its line break.
 */
const WELL_QUOTED = new RegExp(`^[\\r\\n]*${CELL}(?:,${CELL})*\\r?\\n?$`);
const BAD_QUOTE = 'a quote inside a cell; put the cell in quotes and double the quote';

/**
 * Returns why csv-parse skipped a row.
 * @param lastLine the number of the line at which the previous row ended
 */
function reasonOf({ code, record, columns }: CsvError, lastLine: number): string {
  if (code === 'CSV_QUOTE_NOT_CLOSED') return `a quote after line ${lastLine} is never closed`;
  const count = (list: unknown) => (Array.isArray(list) ? list.length : 0);
  return `the row has another number of cells (${count(record)}) than the header (${count(columns)})`;
}

function refuse(reason: string): never {
  throw usageError(`bad CSV: ${reason}`);
}

const BOM = Buffer.from('\ufeff');

/** Drops a byte order mark at the beginning: it would become part of the first column's name. */
async function* withoutBom(stream: ByteStream): AsyncGenerator<Buffer> {
  let start: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of stream) {
    const bytes: Buffer = start ? Buffer.concat([start, toBytes(chunk)]) : toBytes(chunk);
    if (start && bytes.length < BOM.length) start = bytes;
    else yield start && bytes.indexOf(BOM) === 0 ? bytes.subarray(BOM.length) : bytes;
    if (bytes.length >= BOM.length) start = undefined;
  }
  if (start) yield start;
}

/**
 * Returns the names of the columns.
 * @param header the cells of the header, their bytes read as latin1
 * @throws DevstateError USAGE: an unknown or repeated name
 */
function namesOf(header: readonly string[]): string[] {
  const names = header.map((cell) => textOf(cell).trim());
  const wrong = names.find((name, i) => !PRINTED_FIELDS.includes(name) || names.indexOf(name) !== i);
  if (wrong === undefined) return names;
  throw usageError(
    `${PRINTED_FIELDS.includes(wrong) ? 'two columns' : 'unknown column'} ${quote(wrong)}`,
    'the first line names them: deviceId,deviceType,metadata,heartbeatTtl',
  );
}

function objectOf(record: Record<string, string>, notice: Notice): JsonObject {
  const object: JsonObject = {};
  for (const [name, bytes] of Object.entries(record)) {
    const cell = textOf(bytes);
    if (cell === '') continue;
    if (name === 'metadata') object[name] = readJson(cell, notice);
    else if (name === 'heartbeatTtl') object[name] = numberOf(cell);
    else object[name] = cell;
  }
  return object;
}

function numberOf(cell: string): LosslessNumber {
  if (!/^\d+$/.test(cell))
    throw usageError(`heartbeatTtl must be a number of milliseconds, not ${quote(cell)}`);
  return new LosslessNumber(cell);
}

function textOf(bytes: string): string {
  return decode(Buffer.from(bytes, 'latin1'), 'the line');
}
