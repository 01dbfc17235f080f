/**
 * Reads text and lines from streams. Lines are split as bytes, before decoding, so that a character split
 * across chunks stays whole, and a line that is not UTF-8 is an error of that line instead of being read as
 * U+FFFD. Memory is bounded: of a line that is too long, only the first MAX_LINE_BYTES + 1 bytes are kept.
 */
import { type DevstateError, usageError } from '../core/model/errors.js';

export type ByteStream = AsyncIterable<Buffer | string>;

export interface Line {
  /** The number of the line in the input, from 1; blank lines count. */
  number: number;
  /**
   * Returns the text of the line.
   * @throws DevstateError USAGE: the line is too long or not UTF-8; other lines can still be read
   */
  read(): string;
}

/**
 * The most bytes of a line, and of a text that is read as a whole. It must stay well above the 1 MiB that a
 * document may have: that limit counts compact JSON, while in a line the same document may have layout and
 * escapes, which take more bytes.
 */
export const MAX_LINE_BYTES = 4 * 1_048_576;

/**
 * Yields the lines that are not blank, without their LF or CRLF, in batches: one batch for each chunk of the
 * stream. So a file is read in batches of bounded size, and a line typed at a terminal is passed on at once.
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
 * Reads a stream to its end and returns its text.
 * @throws DevstateError USAGE: the text is longer than MAX_LINE_BYTES, or not UTF-8
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

/**
 * Yields, for each chunk of the stream, the lines that end in that chunk. Of a line that is too long, the first
 * MAX_LINE_BYTES + 1 bytes are kept.
 */
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

/**
 * Decodes UTF-8 and drops a byte order mark.
 * @param what the name of the input in the error message
 * @throws DevstateError USAGE: the bytes are not valid UTF-8
 */
export function decode(bytes: Buffer, what: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw usageError(`${what} is not valid UTF-8`);
  }
}
