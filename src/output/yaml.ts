/**
 * YAML of what JSON can hold, in block style: a list item by item, an endless stream as a
 * document each. Written here because the libraries take numbers for doubles and hold the
 * whole document. What is plain is plain to every reader, of YAML 1.1 (`on`, `12:30:00`) as
 * of 1.2: a text of letters, digits and few signs that begins with a letter; all else is in
 * double quotes, which take JSON's escapes. Numbers keep their digits.
 */
import { isLosslessNumber, toJson } from '../core/model/json.js';
import { escapeJson, escapeText, hex } from './escape.js';
import { type Formatter, perLine } from './formatter.js';

/** A single thing. */
export function yamlDocument<T>(json: (row: T) => unknown): Formatter<T> {
  return perLine((row) => block(json(row), ''));
}

/** A sequence. */
export function yamlList<T>(json: (row: T) => unknown): Formatter<T> {
  let empty = true;
  return {
    row(row) {
      empty = false;
      return `${block([json(row)], '')}\n`;
    },
    end: () => (empty ? '[]\n' : ''),
  };
}

/** A document for each. */
export function yamlStream<T>(json: (row: T) => unknown): Formatter<T> {
  return perLine((row) => `---\n${block(json(row), '')}`);
}

/** Without indentation of its first line, which stands where it stands already. */
function block(value: unknown, indent: string): string {
  const inner = `${indent}  `;
  if (!isBlock(value)) return scalar(value);
  const items = Array.isArray(value)
    ? value.map((item) => `- ${block(item, inner)}`)
    : entriesOf(value).map(([key, item]) => {
        const gap = isBlock(item) ? `\n${inner}` : ' ';
        return `${keyText(key, indent)}:${gap}${block(item, inner)}`;
      });
  return items.join(`\n${indent}`);
}

/** Takes lines of its own. */
function isBlock(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || isLosslessNumber(value)) return false;
  return Array.isArray(value) ? value.length > 0 : entriesOf(value).length > 0;
}

function entriesOf(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, item]) => item !== undefined);
}

/** A key before its colon may have 1024 characters; a longer one is told to be a key. */
function keyText(key: string, indent: string): string {
  const text = scalar(key);
  return text.length > 1000 ? `? ${text}\n${indent}` : text;
}

const PLAIN = /^[\p{L}_](?:[\p{L}\p{N}_ ./-]*[\p{L}\p{N}_])?$/u;
const WORDS = /^(?:y|n|yes|no|on|off|true|false|null|e-?\d+)$/i;

function scalar(value: unknown): string {
  if (typeof value !== 'string') return toJson(value);
  if (PLAIN.test(value) && !WORDS.test(value) && escapeText(value) === value) return value;
  return escapeJson(JSON.stringify(value), escaped);
}

/** As YAML has it, which knows no surrogate pairs; within quotes only. */
function escaped(character: string): string {
  const code = character.codePointAt(0) as number;
  return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
}
