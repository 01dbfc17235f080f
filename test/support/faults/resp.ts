/** Replies of Redis as bytes (RESP 2), and where commands and replies end in a stream. */

export const OK = '+OK\r\n';
export const NIL = '$-1\r\n';
const CRLF_LENGTH = 2;

export function integer(value: number): string {
  return `:${value}\r\n`;
}

export function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

export function errorReply(text: string): string {
  return `-${text}\r\n`;
}

/** @param items replies, for example of `bulk` */
export function array(...items: readonly string[]): string {
  return `*${items.length}\r\n${items.join('')}`;
}

/** A command as clients send it. */
export interface ParsedCommand {
  readonly words: string[];
  /** The number of bytes. */
  readonly length: number;
}

/** The first command, an array of bulk strings; undefined: it is incomplete. */
export function parseCommand(bytes: Buffer): ParsedCommand | undefined {
  const words: string[] = [];
  const count = lineAt(bytes, 0);
  let at = count?.end ?? 0;
  for (let left = Number(count?.text.slice(1)); left > 0; left--) {
    const length = lineAt(bytes, at);
    if (!length) return undefined;
    const end = length.end + Number(length.text.slice(1));
    words.push(bytes.toString('utf8', length.end, end));
    at = end + CRLF_LENGTH;
  }
  return count && at <= bytes.length ? { words, length: at } : undefined;
}

/** The position after the reply that begins at `from`; undefined: it is incomplete. */
export function endOfReply(bytes: Buffer, from = 0): number | undefined {
  const line = lineAt(bytes, from);
  if (!line) return undefined;
  const size = Number(line.text.slice(1));
  switch (line.text[0]) {
    case '$': {
      const end = size < 0 ? line.end : line.end + size + CRLF_LENGTH;
      return end <= bytes.length ? end : undefined;
    }
    case '*': {
      let at: number | undefined = line.end;
      for (let left = size; left > 0 && at !== undefined; left--) at = endOfReply(bytes, at);
      return at;
    }
    default:
      return line.end;
  }
}

function lineAt(bytes: Buffer, from: number): { text: string; end: number } | undefined {
  const end = bytes.indexOf('\r\n', from);
  return end === -1 ? undefined : { text: bytes.toString('latin1', from, end), end: end + CRLF_LENGTH };
}
