/**
 * `register -f` of CSV: a header with the names of the JSON output, a device a row. An
 * empty cell is as good as absent, `metadata` holds a JSON object.
 */
import { type CsvError, parse } from 'csv-parse';
import { quote, usageError } from '../core/model/errors.js';
import { type JsonObject, LosslessNumber } from '../core/model/json.js';
import { PRINTED } from './device-line.js';
import { type Notice, readJson } from './json.js';
import { type ByteStream, decode, MAX_LINE_BYTES, toBytes, tooLong } from './lines.js';

export interface CsvRow {
  /** Where it ends, from 1; the header counts. */
  line: number;
  /** @throws DevstateError USAGE: that row's failure */
  read(notice: Notice): JsonObject;
}

/**
 * The rows, those together that came together.
 * @throws DevstateError USAGE for a header that does not name the fields; for a row too long, because nobody
 * can tell where the next one begins
 */
export async function* csvRows(stream: ByteStream): AsyncGenerator<CsvRow[]> {
  let rows: CsvRow[] = [];
  let ended = 1; // the header
  const add = (line: number, read: CsvRow['read']) => {
    rows.push({ line, read });
    ended = line;
  };
  const parser = parse({
    // Bytes go through as they are, so that what is no UTF-8 is one row's failure.
    encoding: 'latin1',
    columns: namesOf,
    record_delimiter: ['\r\n', '\n'],
    ...{ skip_empty_lines: true, skip_records_with_error: true },
    // A bad quote ends with its row, which is looked at as a whole.
    ...{ relax_quotes: true, raw: true },
    max_record_size: MAX_LINE_BYTES,
    // Gathered here, with those that are skipped, in their order.
    on_record: ({ record, raw }: Parsed, { lines }) => {
      add(lines, WELL_QUOTED.test(raw) ? (notice) => objectOf(record, notice) : () => refuse(BAD_QUOTE));
      return null;
    },
    on_skip: (error) => {
      if (error?.code === 'CSV_MAX_RECORD_SIZE') throw tooLong(`the row after line ${ended}`);
      const reason = error && reasonOf(error, ended);
      if (reason) add(Number(error.lines), () => refuse(reason));
    },
  });
  parser.on('error', () => {}); // whoever writes hears of it
  const fed = (feed: (done: (error?: Error | null) => void) => unknown) =>
    new Promise<Error | null | undefined>((resolve) => feed(resolve));
  const taken = () => {
    const found = rows;
    rows = [];
    return found;
  };
  for await (const bytes of withoutBom(stream)) {
    const failure = await fed((done) => parser.write(bytes, done));
    if (rows.length > 0) yield taken();
    if (failure) throw failure;
  }
  const failure = await fed((done) => parser.end(done));
  if (rows.length > 0) yield taken();
  if (failure) throw failure;
}

interface Parsed {
  record: Record<string, string>;
  raw: string;
}

const CELL = '(?:"[^"]*(?:""[^"]*)*"|[^",\\r\\n]*)';
/** A row with its line break, and blank lines before it. */
const WELL_QUOTED = new RegExp(`^[\\r\\n]*${CELL}(?:,${CELL})*\\r?\\n?$`);
const BAD_QUOTE = 'a quote in the middle of a cell; it belongs in quotes, doubled';

/** @param ended the line at which the row before it ended */
function reasonOf({ code, record, columns }: CsvError, ended: number): string {
  if (code === 'CSV_QUOTE_NOT_CLOSED') return `a quote after line ${ended} is never closed`;
  const count = (list: unknown) => (Array.isArray(list) ? list.length : 0);
  return `the row has another number of cells (${count(record)}) than the header (${count(columns)})`;
}

function refuse(reason: string): never {
  throw usageError(`bad CSV: ${reason}`);
}

const BOM = Buffer.from('\ufeff');

/** Before a name in quotes it would be taken for a part of the name. */
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

/** @param header cells as bytes */
function namesOf(header: readonly string[]): string[] {
  const names = header.map((cell) => textOf(cell).trim());
  const wrong = names.find((name, i) => !PRINTED.includes(name) || names.indexOf(name) !== i);
  if (wrong === undefined) return names;
  throw usageError(
    `${PRINTED.includes(wrong) ? 'two columns' : 'unknown column'} ${quote(wrong)}`,
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
