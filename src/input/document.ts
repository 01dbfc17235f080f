/**
 * Makes a document from the arguments of a command: either one JSON object (inline, `@FILE`, or `-` for standard
 * input), or assignments `KEY=VALUE`, which are applied from left to right. Any other argument is an error.
 */
import { documentText } from '../core/model/document-limits.js';
import { quote, usageError } from '../core/model/errors.js';
import { getKey, isJsonObject, type JsonObject, setKey } from '../core/model/json.js';
import { type Assignment, parseAssignment } from './assignment.js';
import { at, excerpt, type Notice, readJsonObject } from './json.js';

/**
 * Returns the document that the arguments describe.
 * @param read returns the text of a file, or of standard input for `-`
 * @throws DevstateError USAGE: an argument is not valid, or the document exceeds the limits of size or depth
 */
export async function parseDocument(
  args: readonly string[],
  read: (name: string) => Promise<string>,
  notice: Notice,
): Promise<JsonObject> {
  const document = await parse(args, read, notice);
  documentText(document);
  return document;
}

async function parse(
  args: readonly string[],
  read: (name: string) => Promise<string>,
  notice: Notice,
): Promise<JsonObject> {
  const whole = args.find(isWhole);
  if (whole === undefined) return assignAll(args, notice);
  if (args.length > 1)
    throw usageError(`${excerpt(whole)} is a whole document and cannot be combined with other arguments`);
  if (whole !== '-' && !whole.startsWith('@')) return inline(whole, notice);
  const name = whole === '-' ? whole : whole.slice(1);
  if (name === '') throw usageError('a file name must follow "@"');
  const text = await read(name);
  return at(name === '-' ? 'standard input' : name, () => readJsonObject(text, notice));
}

function isWhole(arg: string): boolean {
  return arg === '-' || /^(?:@|\s*[{["])/.test(arg);
}

function inline(text: string, notice: Notice): JsonObject {
  const first = text.trimStart()[0];
  if (first !== '{')
    throw usageError(`expected a JSON object, not ${first === '[' ? 'an array' : 'a string'}`);
  return readJsonObject(text, notice);
}

function assignAll(args: readonly string[], notice: Notice): JsonObject {
  const document: JsonObject = {};
  for (const arg of args) assign(document, parseAssignment(arg, notice), arg);
  return document;
}

function assign(document: JsonObject, { path, key, value }: Assignment, arg: string): void {
  let target = document;
  for (const name of path) {
    const present = getKey(target, name);
    const inner = present === undefined ? {} : present;
    if (!isJsonObject(inner))
      throw usageError(`${excerpt(arg)}: ${quote(name)} already has a value that is not an object`);
    setKey(target, name, inner);
    target = inner;
  }
  setKey(target, key, value);
}
