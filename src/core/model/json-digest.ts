/**
 * A digest of a JSON document by value: texts that are equal by value (`jsonEqual`) have the same digest, whatever the
 * order of their keys, white space, and how they spell numbers and strings. So different digests prove different values.
 * Equal digests prove nothing: it has 32 bits only.
 */

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;

/** The length of each literal (true, false, null) by its first character. */
const LITERALS: ReadonlyMap<number, number> = new Map([
  [0x74, 4],
  [0x66, 5],
  [0x6e, 4],
]);

/** Larger exponents are not compared. */
const MAX_EXPONENT = 1e9;

/** Where hashes of strings and numbers begin, so that "1" and 1 differ. */
const [STRING_SEED, NUMBER_SEED] = [0x2545f491, 0x1b873593];

/** The most keys of an object that are searched for one that it has twice. */
const MAX_KEYS = 64;

/** Returns the digest of a document's text; '': it has none: it is not valid, or an object has a key twice or too many. */
export function valueDigest(text: string): string {
  try {
    return (new Reader(text).value() >>> 0).toString(36);
  } catch (error) {
    if (error === NO_DIGEST) return '';
    throw error;
  }
}

const NO_DIGEST = new Error('no digest');

/** Reads JSON text once, and hashes each value as it is read. A value that is nested deeper than a document is refused before. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): number {
    const code = this.#next();
    switch (code) {
      case OPEN_BRACE:
        return this.#object();
      case OPEN_BRACKET:
        return this.#array();
      case QUOTE:
        return this.#string();
      default:
        return LITERALS.has(code) ? this.#literal(code) : this.#number();
    }
  }

  /** Skips white space, and returns the character that follows. */
  #next(): number {
    let code = this.#text.charCodeAt(this.#at);
    while (code <= SPACE) code = this.#text.charCodeAt(++this.#at);
    return code;
  }

  /** The sum of its members, so that their order makes no difference. */
  #object(): number {
    const keys: number[] = [];
    let sum = OPEN_BRACE;
    let code = this.#afterOpening(CLOSE_BRACE);
    while (code !== CLOSE_BRACE) {
      if (this.#next() !== QUOTE) throw NO_DIGEST;
      const key = this.#string();
      if (keys.length === MAX_KEYS || keys.includes(key)) throw NO_DIGEST;
      keys.push(key);
      if (this.#next() !== COLON) throw NO_DIGEST;
      this.#at += 1;
      sum += finish(mix(key, this.value()));
      code = this.#afterItem(CLOSE_BRACE);
    }
    return finish(sum);
  }

  #array(): number {
    let hash = OPEN_BRACKET;
    let code = this.#afterOpening(CLOSE_BRACKET);
    while (code !== CLOSE_BRACKET) {
      hash = mix(hash, this.value());
      code = this.#afterItem(CLOSE_BRACKET);
    }
    return finish(hash);
  }

  /** Returns `closing` if an object or array is empty. */
  #afterOpening(closing: number): number {
    this.#at += 1;
    const code = this.#next();
    if (code === closing) this.#at += 1;
    return code;
  }

  /** Returns `closing` if it follows, or the comma before the next item. */
  #afterItem(closing: number): number {
    const code = this.#next();
    if (code !== COMMA && code !== closing) throw NO_DIGEST;
    this.#at += 1;
    return code;
  }

  #string(): number {
    const from = this.#at;
    let hash = STRING_SEED;
    for (;;) {
      const code = this.#text.charCodeAt(++this.#at);
      if (code === QUOTE) break;
      if (code === BACKSLASH) return this.#escapedString(from);
      if (Number.isNaN(code)) throw NO_DIGEST;
      hash = mix(hash, code);
    }
    this.#at += 1;
    return finish(hash);
  }

  #escapedString(from: number): number {
    let end = this.#at;
    while (end < this.#text.length && this.#text.charCodeAt(end) !== QUOTE)
      end += this.#text.charCodeAt(end) === BACKSLASH ? 2 : 1;
    this.#at = end + 1;
    const decoded = decode(this.#text.slice(from, end + 1));
    let hash = STRING_SEED;
    for (let i = 0; i < decoded.length; i++) hash = mix(hash, decoded.charCodeAt(i));
    return finish(hash);
  }

  #literal(code: number): number {
    this.#at += LITERALS.get(code) as number;
    return finish(code);
  }

  /** Sign, digits without zeros at either end, and exponent, as in `canonicalNumber`. */
  #number(): number {
    const isNegative = this.#text.charCodeAt(this.#at) === MINUS;
    if (isNegative) this.#at += 1;
    const first = this.#at;
    let hash = NUMBER_SEED;
    let hasDigits = false;
    let zeros = 0;
    let fraction = 0;
    let isFraction = false;
    for (; ; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === POINT) {
        isFraction = true;
        continue;
      }
      if (!(code >= ZERO && code <= NINE)) break;
      if (isFraction) fraction += 1;
      if (code === ZERO) {
        if (hasDigits) zeros += 1;
        continue;
      }
      for (; zeros > 0; zeros--) hash = mix(hash, ZERO);
      hash = mix(hash, code);
      hasDigits = true;
    }
    if (this.#at === first) throw NO_DIGEST;
    const exponent = this.#exponent();
    if (!hasDigits) return finish(NUMBER_SEED);
    return finish(mix(mix(hash, exponent - fraction + zeros), isNegative ? MINUS : PLUS));
  }

  #exponent(): number {
    const at = this.#at;
    if ((this.#text.charCodeAt(at) | 0x20) !== LOWER_E) return 0;
    const [exponent = ''] = /[+-]?\d+/.exec(this.#text.slice(at + 1)) ?? [];
    this.#at += 1 + exponent.length;
    if (exponent === '' || Math.abs(Number(exponent)) > MAX_EXPONENT) throw NO_DIGEST;
    return Number(exponent);
  }
}

function decode(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw NO_DIGEST;
  }
}

function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, 0x5bd1e995);
  return mixed ^ (mixed >>> 15);
}

/** Spreads the bits, so that sums of hashes depend on all of them. */
function finish(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}
