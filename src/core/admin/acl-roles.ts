/**
 * Roles as Redis has them: the commands, keys and channels that each needs, and no more. What a
 * script sends is read off its text, because Redis asks the user's permission for each command in
 * it. A key may be read and written or neither (`%R~` is known since Redis 7 only), so who may
 * write one kind of key may write all that it reads. Whether the fleet is partitioned is not
 * known here: keys stand with and without a partition's tag.
 */
import { usageError } from '../model/errors.js';
import { Keyspace } from '../model/keyspace.js';
import {
  BEAT,
  HEARTBEAT,
  RAISE_TTL,
  SCRIPTS,
  type Script,
  SETTLE,
  STEP,
  scriptKeys,
} from '../store/scripts.js';

/**
 * viewer: all that reads. operator: that, and all that is done to devices and to the fleet. device:
 * the heartbeats of one device or gateway, and the channel of its commands. detector: `detect`; its
 * scripts read records and sets, so it may list them, too.
 */
export const ROLES = ['viewer', 'operator', 'device', 'detector'] as const;
export type Role = (typeof ROLES)[number];

export interface AclOptions {
  /** The user's name; the role's where not given. */
  user?: string;
  /** `acme` where every key and channel begins with `acme:`. */
  namespace?: string | undefined;
  /** Of a device: those that it beats for, by their ids; its user's name where not given. */
  ids?: readonly string[];
  /** The database, where it is not 0. */
  database?: number;
}

export interface Acl {
  role: Role;
  user: string;
  /** In small letters; a subcommand after `|`. */
  commands: string[];
  /** Glob patterns. */
  keys: string[];
  channels: string[];
  /** All of it as one command for redis-cli. Given again it changes nothing: passwords stay. */
  line: string;
}

type Keys = Pick<Script, 'keys' | 'deviceKeys'>;

interface Needs {
  scripts: readonly Script[];
  /** Commands sent beside scripts. */
  sends: string;
  /** Keys that these want. */
  reads: Keys;
  /** Beside the presence channel, that of the devices' commands. */
  commandChannels?: true;
}

/** Where a connection begins, the way to a slot that is moving, and the fleet's settings. */
const ALWAYS = 'ping cluster|slots asking hmget';
const READING =
  'time hget pttl get exists sscan scard srandmember zrange zrevrange zscore zrank zrevrank zcount zmscore ' +
  'xrange xrevrange xinfo|stream lrange subscribe';
const SETTINGS: Keys = { keys: ['meta'], deviceKeys: [] };
const EVERYTHING: Keys = {
  keys: [...new Set(SCRIPTS.flatMap(({ keys }) => keys))],
  deviceKeys: [...new Set(SCRIPTS.flatMap(({ deviceKeys }) => deviceKeys))],
};

const NEEDS: Record<Role, Needs> = {
  viewer: { scripts: [], sends: READING, reads: EVERYTHING },
  operator: {
    scripts: SCRIPTS.filter((script) => script !== STEP),
    sends: `${READING} type sismember smismember zscan hset`,
    reads: EVERYTHING,
    commandChannels: true,
  },
  device: {
    scripts: [BEAT, HEARTBEAT, RAISE_TTL],
    sends: 'time type subscribe',
    reads: SETTINGS,
    commandChannels: true,
  },
  detector: {
    scripts: [STEP, SETTLE],
    sends: 'time type sscan scard srandmember subscribe',
    reads: { keys: ['meta', 'registered'], deviceKeys: [] },
  },
};

/** What a role's user may do. @throws DevstateError USAGE: a name that Redis does not take */
export function aclOf(role: Role, { user = role, namespace = '', ids, database = 0 }: AclOptions = {}): Acl {
  if (!/^[^\s\p{Cc}]+$/u.test(user)) throw usageError('the name of a user has no white space');
  const { scripts, sends, reads, commandChannels = false } = NEEDS[role];
  const whose = role === 'device' ? (ids ?? [user]).map(globEscaped) : ['*'];
  const escaped = globEscaped(namespace);
  const whole = new Keyspace(escaped);
  const devices = whose.map((id) => ({ id, type: '*', oldType: '*' }));
  const keys = [whole, new Keyspace(escaped, '[0-9]*')].flatMap((keyspace) =>
    [...scripts, reads].flatMap((each) => scriptKeys(each, keyspace, devices)),
  );
  const channels = [
    whole.presenceChannel,
    ...(commandChannels ? whose.map((id) => whole.commandsChannel(id)) : []),
  ];
  const commands = [
    ...`${ALWAYS} ${sends}`.split(' '),
    ...(scripts.length > 0 ? ['evalsha', 'eval'] : []),
    ...scripts.flatMap(commandsOf),
    ...(database === 0 ? [] : ['select']),
  ];
  const rules = { commands: unique(commands), keys: unique(keys), channels: unique(channels) };
  return { role, user, ...rules, line: lineOf(user, rules) };
}

/** What a script sends, small. */
function commandsOf({ source }: Script): string[] {
  const calls = source.matchAll(/\b(?:p?call|probe)\(((?:'[A-Z]+'[,)] ?)+)/g);
  return [...calls].flatMap(([, names = '']) => names.toLowerCase().match(/[a-z]+/g) ?? []);
}

function lineOf(
  user: string,
  { commands, keys, channels }: Pick<Acl, 'commands' | 'keys' | 'channels'>,
): string {
  const words = [
    ...['ACL', 'SETUSER', user, 'on', 'resetkeys', 'resetchannels', '-@all'],
    ...commands.map((name) => `+${name}`),
    ...keys.map((pattern) => `~${pattern}`),
    ...channels.map((pattern) => `&${pattern}`),
  ];
  return words.map(quoted).join(' ');
}

/** As a word of a line for redis-cli. */
function quoted(word: string): string {
  if (/^[!#-&(-[\]-~]+$/.test(word)) return word;
  const bytes = [...Buffer.from(word)].map((byte) => {
    const character = String.fromCharCode(byte);
    if (character === '"' || character === '\\') return `\\${character}`;
    return byte > 0x1f && byte < 0x7f ? character : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `"${bytes.join('')}"`;
}

/** A text as a pattern that means it. Redis takes no pattern with a blank: it stands for any one character. */
function globEscaped(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&').replaceAll(' ', '?');
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)].sort();
}
