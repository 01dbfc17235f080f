/**
 * Text from streams. Lines are cut as bytes, before decoding, so that a character split
 * across chunks stays whole, and bytes that are no UTF-8 are refused by line rather than
 * stored as U+FFFD. Memory stays flat: of a line without an end no more is kept than a line
 * may have, and it fails as a line does.
 */
import { type DevstateError, usageError } from '../core/model/errors.js';

export type ByteStream = AsyncIterable<Buffer | string>;

export interface Line {
  /** From 1; blank lines count. */
  number: number;
  /** @throws DevstateError USAGE for one too long or not UTF-8: that line's failure, not its neighbours' */
  read(): string;
}

/** Bytes of a line, or of a whole text: a document may be 1 MiB, and is written with layout or escapes. */
export const MAX_LINE_BYTES = 4 * 1_048_576;

/**
 * The lines that are not blank, without their LF or CRLF: those together that came
 * together, so that a file goes in batches bounded by bytes and who types is not kept waiting.
 */
export async function* lineBatches(stream: ByteStream): AsyncGenerator<Line[]> {
  let number = 0;
  for await (const batch of byteLines(stream)) {
    const lines: Line[] = [];
    for (const bytes of batch) {
      number += 1;
      if (!isBlank(bytes)) lines.push(lineOf(number, bytes));
    }
    if (lines.length > 0) yield lines;
  }
}

function lineOf(number: number, bytes: Buffer): Line {
  return {
    number,
    read() {
      if (bytes.length > MAX_LINE_BYTES) throw tooLong('the line');
      return decode(bytes, 'the line').replace(/\r$/, '');
    },
  };
}

/**
 * The whole text.
 * @throws DevstateError USAGE for one too long or not UTF-8
 */
export async function readText(stream: ByteStream): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const bytes = toBytes(chunk);
    length += bytes.length;
    if (length > MAX_LINE_BYTES) throw tooLong('the input');
    chunks.push(bytes);
  }
  return decode(Buffer.concat(chunks), 'the input');
}

const LF = 0x0a;

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

/** The lines that each chunk ends; of one too long its first bytes, one more than it may have. */
async function* byteLines(stream: ByteStream): AsyncGenerator<Buffer[]> {
  let open = new OpenLine();
  for await (const chunk of stream) {
    const bytes = toBytes(chunk);
    const ended: Buffer[] = [];
    let start = 0;
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, start)) {
      open.add(bytes.subarray(start, end));
      ended.push(open.bytes());
      open = new OpenLine();
      start = end + 1;
    }
    open.add(bytes.subarray(start));
    yield ended;
  }
  yield [open.bytes()];
}

class OpenLine {
  readonly #parts: Buffer[] = [];
  #length = 0;

  add(bytes: Buffer): void {
    const kept = bytes.subarray(0, MAX_LINE_BYTES + 1 - this.#length);
    if (kept.length === 0) return;
    this.#parts.push(kept);
    this.#length += kept.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export function tooLong(what: string): DevstateError {
  return usageError(`${what} is too long: at most ${MAX_LINE_BYTES / 1_048_576} MiB`);
}

export function toBytes(chunk: Buffer | string): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Drops a byte order mark. @throws DevstateError USAGE */
export function decode(bytes: Buffer, what: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw usageError(`${what} is not valid UTF-8`);
  }
}
