/**
 * Text that users type, devices write or servers answer is read in a time that grows with its length, and not with the
 * square of it.
 */
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { asksForTraces } from '../../src/cli/early-options.js';
import { maskPassword } from '../../src/cli/saved-contexts.js';
import { decodeEntry } from '../../src/core/history/history-entry.js';
import { canonicalNumber } from '../../src/core/model/json-equality.js';
import { loneSurrogateAt, tooDeepAt } from '../../src/core/model/json-text.js';
import { CURSOR_PATTERN } from '../../src/core/presence/cursor.js';
import { toDevstateError } from '../../src/core/store/redis-errors.js';
import { isDenied, isUnnamedDenial, withoutPosition } from '../../src/core/store/reply-errors.js';
import { parseAssignment } from '../../src/input/assignment.js';
import { csvRows } from '../../src/input/device-csv.js';
import { parseHeartbeatLine } from '../../src/input/device-line.js';
import { parseDocument } from '../../src/input/document.js';
import { parseCount, parseDuration } from '../../src/input/duration.js';
import { parseGlob } from '../../src/input/glob.js';
import { parseMoment } from '../../src/input/moment.js';
import { csv } from '../../src/output/csv.js';
import { formatError } from '../../src/output/errors.js';
import { escapeJson, escapeName, escapeText } from '../../src/output/escape.js';
import { parseFields, splitFields } from '../../src/output/fields.js';
import { displayWidth, prepareWidth } from '../../src/output/width.js';
import { yamlDocument } from '../../src/output/yaml.js';
import { parseTarget } from '../../src/redis/target-url.js';

/** Characters. A pattern that takes quadratic time needs 17 s or more for this length. */
const LENGTH = 131_072;
/** Generous, because other tests run at the same time: the slowest of these takes 0.3 s. */
const BOUND_MS = 8000;

const long = (piece: string, length = LENGTH) => piece.repeat(Math.ceil(length / piece.length));
const ignore = () => {};

/** Parts that the patterns of the code look for, or begin to match. */
// biome-ignore format: a list of short texts
const PIECES = [
  'a', '0', '9', '1.', '.', '-', '=', ':', '\\', '"', '""', '",', '{"', '[', ',', ' ', '\t', '\r', '\n', '\r\n',
  '@', '/', '?', '#', '*', '+', 'e1', '\\u', '\\ud800', '\\ud83d\\ude00', '"value":', ' script: a', 'user_script: 1: ',
  'access a ', 'ERR ', 'ms', '1d', '1h1', '\u200d', '\ufe0f', '\u0301', '👩‍👩', '\ud800', '日', '_ ',
];
/** The end keeps patterns from matching, so that they try every other way to match. */
const TEXTS = PIECES.map((piece) => `${long(piece)}!`);

async function csvObjects(text: string): Promise<void> {
  for await (const rows of csvRows(Readable.from([`deviceId\n${text}`])))
    for (const { read } of rows) await quietly(() => read(ignore));
}

/** Cells are escaped before they are measured. */
async function width(cell: string): Promise<number> {
  const text = escapeText(cell);
  await prepareWidth([text]);
  return displayWidth(text);
}

/** Most of the texts are refused; only the time counts. */
async function quietly(use: () => unknown): Promise<void> {
  try {
    await use();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof RangeError) throw error; // such as an exhausted stack
  }
}

const READERS: Record<string, (text: string) => unknown> = {
  'a duration': parseDuration,
  'a count': parseCount,
  'a moment': (text) => parseMoment(text),
  'an assignment': (text) => parseAssignment(text, ignore),
  'an assignment with a long value': (text) => parseAssignment(`a=${text}`, ignore),
  'a document': (text) => parseDocument([text], async () => '{}', ignore),
  'a line of NDJSON': (text) => parseHeartbeatLine(text, { merge: false, ttl: undefined }, ignore),
  'a glob': (text) => parseGlob(text)('a'.repeat(256)),
  fields: (text) => parseFields(splitFields(text), ['a']),
  'a URL': (text) => parseTarget(`redis://${text}`),
  'a password': (text) => maskPassword(`redis://${text}`),
  options: (text) => asksForTraces([text]),
  'an event id': (text) => CURSOR_PATTERN.test(text),
  'a number': canonicalNumber,
  'JSON text before it is parsed': (text) => [tooDeepAt(text, 32), loneSurrogateAt(text)],
  'a row of CSV': csvObjects,
  'the width of a cell': width,
  'an error reply': (text) => {
    const error = Object.assign(new Error(text), { name: 'ReplyError' });
    return [toDevstateError(error), withoutPosition(text), isDenied(error), isUnnamedDenial(error)];
  },
  'text to escape': (text) => [escapeText(text), escapeName(text), escapeJson(JSON.stringify(text))],
  'an error to print': (text) => formatError({ code: 'USAGE', message: text }, { isJson: true }),
  'a cell of CSV': (text) => csv(['a'], () => ({ a: text }), false).row({}),
  YAML: (text) => yamlDocument(() => ({ a: text })).row({}),
};

async function expectInTime(text: string, read: (text: string) => unknown): Promise<void> {
  const start = performance.now();
  await quietly(() => read(text));
  expect(performance.now() - start, JSON.stringify(text.slice(0, 20))).toBeLessThan(BOUND_MS);
}

test.each(Object.entries(READERS))('%s', async (_name, read) => {
  for (const text of TEXTS) await expectInTime(text, read);
});

test('a history entry of another program, with blanks behind it', async () => {
  const entry = `{${long('"value":1,', 1_000_000)}"at":1} `;
  await expectInTime(entry, (text) => decodeEntry('d', 'reported', text));
});

test('a glob with many stars', async () => {
  await expectInTime(`${long('*a')}b`, (glob) => parseGlob(glob)('a'.repeat(256)));
});
