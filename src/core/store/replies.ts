/**
 * Which form of reply each Redis command has. A reply of another form shows that the server is broken or not Redis, or
 * that its replies no longer match the order of the commands. It is refused before anything is taken from it.
 */
import { isUtf8 } from 'node:buffer';
import { DevstateError } from '../model/errors.js';
import { NOT_UTF8, type ReadText } from '../model/stored-document.js';

/** Whether a reply has the form of a command. `argCount` is the number of the command's arguments. */
type Form<Reply> = (reply: unknown, argCount: number) => reply is Reply;

const isText = (reply: unknown): reply is string => typeof reply === 'string';
const isTextOrNil = (reply: unknown): reply is string | null => reply === null || typeof reply === 'string';
const isReadText = (reply: unknown): reply is ReadText => isText(reply) || reply === NOT_UTF8;
const isNumber = (reply: unknown): reply is number => typeof reply === 'number';
const isNumberOrNil = (reply: unknown): reply is number | null => reply === null || isNumber(reply);
const isList = (reply: unknown): reply is unknown[] => Array.isArray(reply);
const isListOrNil = (reply: unknown): reply is unknown[] | null => reply === null || isList(reply);
const isTexts = (reply: unknown): reply is string[] => isList(reply) && reply.every(isText);
const isReadTexts = (reply: unknown): reply is ReadText[] => isList(reply) && reply.every(isReadText);
const isTextOrTexts = (reply: unknown): reply is string | string[] => isText(reply) || isTexts(reply);
/** Names and values, or members and scores, in turn. */
const isPairs = (reply: unknown): reply is string[] => isTexts(reply) && reply.length % 2 === 0;
/** One item for each argument after the key. */
const isTextForEach = (reply: unknown, argCount: number): reply is (string | null)[] =>
  isList(reply) && reply.length === argCount - 1 && reply.every(isTextOrNil);
const isReadTextForEach = (reply: unknown, argCount: number): reply is (ReadText | null)[] =>
  isList(reply) && reply.length === argCount - 1 && reply.every((item) => item === null || isReadText(item));
const isNumberForEach = (reply: unknown, argCount: number): reply is number[] =>
  isList(reply) && reply.length === argCount - 1 && reply.every(isNumber);
const isTime = (reply: unknown): reply is [seconds: string, microseconds: string] =>
  isTexts(reply) && reply.length === 2 && reply.every((part) => /^\d{1,15}$/.test(part));
const isScanned = (reply: unknown): reply is [cursor: string, found: string[]] =>
  isList(reply) && reply.length === 2 && /^\d{1,20}$/.test(String(reply[0])) && isTexts(reply[1]);
const isEntry = (reply: unknown): reply is [id: string, fields: string[]] =>
  isList(reply) && reply.length === 2 && /^\d{1,20}-\d{1,20}$/.test(String(reply[0])) && isPairs(reply[1]);
const isEntries = (reply: unknown): reply is [id: string, fields: string[]][] =>
  isList(reply) && reply.every(isEntry);

/** The commands that devstate sends outside scripts. */
const FORMS = {
  config: isTextOrTexts,
  eval: isList,
  evalsha: isList,
  exec: isListOrNil,
  exists: isNumber,
  get: isTextOrNil,
  hget: isTextOrNil,
  hlen: isNumber,
  hmget: isReadTextForEach,
  hset: isNumber,
  hstrlen: isNumber,
  info: isText,
  lrange: isReadTexts,
  ltrim: isText,
  multi: isText,
  ping: isText,
  pttl: isNumber,
  rpush: isNumber,
  scan: isScanned,
  scard: isNumber,
  set: isTextOrNil,
  sismember: isNumber,
  smismember: isNumberForEach,
  srandmember: isTexts,
  sscan: isScanned,
  time: isTime,
  type: isText,
  unlink: isNumber,
  watch: isText,
  xinfo: isList,
  xlen: isNumber,
  xrange: isEntries,
  xrevrange: isEntries,
  zcard: isNumber,
  zcount: isNumber,
  zmscore: isTextForEach,
  zrange: isPairs,
  zrank: isNumberOrNil,
  zrevrange: isPairs,
  zrevrank: isNumberOrNil,
  zscan: isScanned,
  zscore: isTextOrNil,
} satisfies Record<string, Form<unknown>>;

export type CommandName = keyof typeof FORMS;

export type ReplyOf<Name extends CommandName> =
  (typeof FORMS)[Name] extends Form<infer Reply> ? Reply : never;

/** A Redis command: its name and its arguments. */
export type RedisRequest<Name extends CommandName = CommandName> = readonly [
  name: Name,
  ...args: (string | number)[],
];

/** The commands that read fields of records and entries of histories, which other programs and devices may write. */
const READ_TEXTS: ReadonlySet<string> = new Set<CommandName>(['hmget', 'lrange']);

/**
 * Returns the decoded reply of a command. Decoding puts U+FFFD in place of bytes that are not valid UTF-8. In a list of
 * texts that other programs may have written, each such text is replaced by NOT_UTF8; one that holds a genuine U+FFFD is
 * kept.
 * @param raw the reply before it was decoded
 */
export function markNotUtf8(name: string, raw: unknown, decoded: unknown): unknown {
  if (!READ_TEXTS.has(name) || !isList(raw) || !isList(decoded) || !decoded.some(holdsReplacement))
    return decoded;
  return decoded.map((text, i) => {
    const bytes = raw[i];
    return holdsReplacement(text) && Buffer.isBuffer(bytes) && !isUtf8(bytes) ? NOT_UTF8 : text;
  });
}

function holdsReplacement(text: unknown): boolean {
  return typeof text === 'string' && text.includes('\ufffd');
}

/** Returns whether a reply has the form of a command. */
export function fitsCommand<Name extends CommandName>(
  name: Name,
  argCount: number,
  reply: unknown,
): reply is ReplyOf<Name> {
  return FORMS[name](reply, argCount);
}

/** Returns the error for a reply that has another form than the command, or another number of items. */
export function unfittingReply(name: string): DevstateError {
  return new DevstateError(
    'CONNECTION',
    `the server sent a reply that does not fit the command ${name.toUpperCase()}`,
    { reason: 'MALFORMED_REPLY' },
  );
}

/** Returns whether an error says that a reply does not fit its command, or is no reply of Redis at all. */
export function isUnfitting(error: unknown): error is DevstateError {
  return error instanceof DevstateError && error.reason === 'MALFORMED_REPLY';
}
