/**
 * Text from streams. Lines are cut as bytes, before decoding, so that a character split
 * across chunks stays whole, memory stays flat, and bytes that are no UTF-8 are refused by
 * line rather than stored as U+FFFD.
 */
import { usage } from '../core/errors.js';

export type ByteStream = AsyncIterable<Buffer | string>;

export interface Line {
  /** From 1; blank lines count. */
  number: number;
  /** @throws DevstateError USAGE for invalid UTF-8: that line's failure, not its neighbours' */
  read(): string;
}

/** The lines that are not blank, without their LF or CRLF. */
export async function* lines(stream: ByteStream): AsyncGenerator<Line> {
  let number = 0;
  for await (const bytes of byteLines(stream)) {
    number += 1;
    if (!isBlank(bytes)) yield { number, read: () => decode(bytes, 'the line').replace(/\r$/, '') };
  }
}

/** Ids, one a line; no valid id has white space at its ends. */
export async function* idLines(stream: ByteStream): AsyncGenerator<string> {
  for await (const line of lines(stream)) yield line.read().trim();
}

/**
 * The whole text.
 * @throws DevstateError USAGE for invalid UTF-8
 */
export async function readText(stream: ByteStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(toBytes(chunk));
  return decode(Buffer.concat(chunks), 'the input');
}

const LF = 0x0a;

function isBlank(bytes: Buffer): boolean {
  return bytes.toString('latin1').trim() === '';
}

async function* byteLines(stream: ByteStream): AsyncGenerator<Buffer> {
  let open: Buffer[] = [];
  for await (const chunk of stream) {
    const bytes = toBytes(chunk);
    let start = 0;
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, start)) {
      yield Buffer.concat([...open, bytes.subarray(start, end)]);
      open = [];
      start = end + 1;
    }
    open.push(bytes.subarray(start));
  }
  yield Buffer.concat(open);
}

function toBytes(chunk: Buffer | string): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Drops a byte order mark. */
function decode(bytes: Buffer, what: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw usage(`${what} is not valid UTF-8`);
  }
}
