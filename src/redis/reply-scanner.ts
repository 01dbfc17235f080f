/**
 * Checks what a server sends (RESP 2), before ioredis parses it: whether it is well-formed and within bounds. The
 * parser of ioredis throws on some malformed replies, recurses into nested arrays without a limit, and holds a reply of
 * any size.
 */
import { DevstateError } from '../core/model/errors.js';

/** The most bytes of one reply. Documents have at most 1 MiB; those that other programs store may be larger. */
const MAX_REPLY_BYTES = 256 * 1024 * 1024;
/** The most items of all arrays of one reply. ioredis allocates 8 bytes for each when an array begins. */
const MAX_ITEMS = 4 * 1024 * 1024;
/** The most arrays within each other. */
const MAX_DEPTH = 64;
/** The most bytes of a line. ioredis copies an incomplete line with each chunk. */
const MAX_LINE_BYTES = 64 * 1024;

/** How many bytes of an error are kept, to see whether it is a redirection. */
const MAX_REDIRECTION_BYTES = 300;
const REDIRECTION = /^(MOVED|ASK)(?![^ ])/;
/** A redirection of a cluster: the slot, and the address of a node, whose host may be empty. */
const GOOD_REDIRECTION = /^(MOVED|ASK) \d{1,5} \S*:\d{1,5}$/;

const LF = 10;
const CR = 13;
const STAR = 42;
const PLUS = 43;
const MINUS = 45;
const COLON = 58;
const DOLLAR = 36;
const ZERO = 48;
const NINE = 57;
const CRLF_BYTES = 2;

/** Follows the replies of one connection. */
export class ReplyScanner {
  /** The first byte of the line that is not complete; 0: a new line begins. */
  #type = 0;
  #lineBytes = 0;
  /** The number that the line holds, without its sign. */
  #value = 0;
  #isNegative = false;
  /** The beginning of the error that the line holds. */
  #error = '';
  /** The bytes of a bulk string, with its CRLF, that are still to come. */
  #bodyBytes = 0;
  /** For each array that is not complete: the number of its items that are not complete. */
  readonly #open: number[] = [];
  #items = 0;
  #replyBytes = 0;

  /** @throws DevstateError CONNECTION: the chunk belongs to a reply that is malformed or too large */
  scan(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const end = this.#bodyBytes > 0 ? this.#skipBody(chunk, at) : this.#readLine(chunk, at);
      this.#replyBytes += end - at;
      if (this.#replyBytes > MAX_REPLY_BYTES) throw tooLarge();
      at = end;
    }
  }

  #skipBody(chunk: Uint8Array, from: number): number {
    const end = Math.min(chunk.length, from + this.#bodyBytes);
    this.#bodyBytes -= end - from;
    if (this.#bodyBytes === 0) this.#endItem();
    return end;
  }

  /** Reads the line, or the part of it that the chunk has. Returns the position after it. */
  #readLine(chunk: Uint8Array, from: number): number {
    let at = from;
    if (this.#type === 0) this.#beginLine(chunk[at++] as number);
    const isText = this.#type === PLUS || this.#type === MINUS;
    while (at < chunk.length) {
      const byte = chunk[at++] as number;
      if (byte === LF) {
        this.#endLine();
        return at;
      }
      this.#lineBytes += 1;
      if (this.#lineBytes > MAX_LINE_BYTES) throw tooLarge();
      if (!isText) this.#addToNumber(byte);
      else if (this.#type === MINUS) this.#addToError(byte);
    }
    return at;
  }

  #beginLine(type: number): void {
    if (type !== PLUS && type !== MINUS && type !== COLON && type !== DOLLAR && type !== STAR)
      throw malformed();
    this.#type = type;
    this.#lineBytes = 0;
    this.#value = 0;
    this.#isNegative = false;
    this.#error = '';
  }

  #addToError(byte: number): void {
    if (byte !== CR && this.#error.length < MAX_REDIRECTION_BYTES) this.#error += String.fromCharCode(byte);
  }

  #addToNumber(byte: number): void {
    if (byte >= ZERO && byte <= NINE) this.#value = this.#value * 10 + byte - ZERO;
    else if (byte === MINUS && this.#lineBytes === 1) this.#isNegative = true;
    else if (byte !== CR) throw malformed();
  }

  #endLine(): void {
    const type = this.#type;
    this.#type = 0;
    // ioredis throws, in a timer, on a redirection to nowhere.
    if (type === MINUS && REDIRECTION.test(this.#error) && !GOOD_REDIRECTION.test(this.#error))
      throw malformed();
    const isLength = type === DOLLAR || type === STAR;
    if (isLength && this.#isNegative && this.#value !== 1) throw malformed();
    if (!isLength || this.#isNegative) this.#endItem();
    else if (type === DOLLAR) {
      if (this.#value > MAX_REPLY_BYTES) throw tooLarge();
      this.#bodyBytes = this.#value + CRLF_BYTES;
    } else this.#beginArray(this.#value);
  }

  #beginArray(items: number): void {
    this.#items += items;
    if (this.#items > MAX_ITEMS || this.#open.length === MAX_DEPTH) throw tooLarge();
    if (items === 0) this.#endItem();
    else this.#open.push(items);
  }

  #endItem(): void {
    for (let last = this.#open.length - 1; last >= 0; last--) {
      const left = (this.#open[last] as number) - 1;
      this.#open[last] = left;
      if (left > 0) return;
      this.#open.pop();
    }
    this.#items = 0;
    this.#replyBytes = 0;
  }
}

function tooLarge(): DevstateError {
  return new DevstateError('CONNECTION', 'the server sent a reply that is too large', {
    reason: 'MALFORMED_REPLY',
  });
}

function malformed(): DevstateError {
  return new DevstateError('CONNECTION', 'the server sent something that is not a reply of Redis', {
    reason: 'MALFORMED_REPLY',
  });
}
