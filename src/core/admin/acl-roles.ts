/**
 * The Redis users of a fleet by role: each may use the commands, keys and channels that its role needs, and no
 * others. Redis checks the user's permissions for each command within a script too, so a role includes the
 * commands that its scripts declare. A key pattern permits reads and writes, because read-only patterns (`%R~`)
 * exist since Redis 7 only. The patterns cover partitioned and unpartitioned fleets, because a role is printed
 * without asking the server which of them the fleet is.
 */
import { usageError } from '../model/errors.js';
import { Keyspace } from '../model/keyspace.js';
import type { Script, ScriptKeys } from '../store/script-descriptor.js';
import { scriptKeys } from '../store/script-keys.js';
import { DUE, HEARTBEAT, HEARTBEAT_FAST, RAISE_TTL, SCRIPTS, SETTLE } from '../store/scripts.js';

/**
 * - viewer: every command that only reads
 * - operator: also every command that changes devices or the fleet
 * - device: heartbeats of the given devices, and their command channels
 * - detector: `devstate detect`, and the reads and lists that its scripts' permissions make possible
 */
export const ROLES = ['viewer', 'operator', 'device', 'detector'] as const;
export type Role = (typeof ROLES)[number];

export interface AclOptions {
  /** The user's name; default: the role. */
  user?: string;
  /** With `acme`, every key and channel begins with `acme:`. */
  namespace?: string | undefined;
  /** Role `device` only: the ids of the devices; default: the user's name. */
  ids?: readonly string[];
  /** The number of the database; default: 0. */
  database?: number;
}

export interface Acl {
  role: Role;
  user: string;
  /** Sorted, in lower case; a subcommand is written `cluster|slots`. */
  commands: string[];
  /** Sorted glob patterns. */
  keys: string[];
  /** Sorted glob patterns. */
  channels: string[];
  /** One ACL SETUSER command for redis-cli with all of these rules. It leaves the user's passwords unchanged. */
  line: string;
}

interface RoleNeeds {
  scripts: readonly Script[];
  /** Commands that are sent outside of scripts, separated by spaces. */
  commands: string;
  /** The keys of these commands. */
  keys: ScriptKeys;
  /** Whether the role subscribes or publishes to the channels of device commands. */
  commandChannels: boolean;
}

/** Commands of every role: to connect, to follow a cluster's redirections, and to read the fleet's settings. */
const COMMON_COMMANDS = 'ping cluster|slots asking hmget';
const READ_COMMANDS =
  'time hget pttl get exists sscan scard srandmember zrange zrevrange zscore zrank zrevrank zcount zmscore ' +
  'xrange xrevrange xinfo|stream lrange subscribe';
const ALL_KEYS: ScriptKeys = {
  keys: [...new Set(SCRIPTS.flatMap(({ keys }) => keys))],
  deviceKeys: [...new Set(SCRIPTS.flatMap(({ deviceKeys }) => deviceKeys))],
};

const NEEDS: Record<Role, RoleNeeds> = {
  viewer: { scripts: [], commands: READ_COMMANDS, keys: ALL_KEYS, commandChannels: false },
  operator: {
    scripts: SCRIPTS.filter((script) => script !== DUE),
    commands: `${READ_COMMANDS} type sismember smismember zscan hset`,
    keys: ALL_KEYS,
    commandChannels: true,
  },
  device: {
    scripts: [HEARTBEAT_FAST, HEARTBEAT, RAISE_TTL],
    commands: 'time type subscribe',
    keys: { keys: ['meta'], deviceKeys: [] },
    commandChannels: true,
  },
  detector: {
    scripts: [DUE, SETTLE],
    commands: 'time type sscan scard srandmember subscribe',
    keys: { keys: ['meta', 'registered'], deviceKeys: [] },
    commandChannels: false,
  },
};

/**
 * Returns what a user of the role may do.
 * @throws DevstateError USAGE if Redis does not accept the user's name
 */
export function aclOf(role: Role, { user = role, namespace = '', ids, database = 0 }: AclOptions = {}): Acl {
  if (!/^[^\s\p{Cc}]+$/u.test(user))
    throw usageError('a user name must not be empty or contain white space or control characters');
  const needs = NEEDS[role];
  const idPatterns = role === 'device' ? (ids ?? [user]).map(escapeGlob) : ['*'];
  const rules = {
    commands: sortedSet(commandNames(needs, database)),
    keys: sortedSet(keyPatterns(needs, escapeGlob(namespace), idPatterns)),
    channels: sortedSet(channelPatterns(needs, escapeGlob(namespace), idPatterns)),
  };
  return { role, user, ...rules, line: setUserLine(user, rules) };
}

function commandNames({ scripts, commands }: RoleNeeds, database: number): string[] {
  return [
    ...COMMON_COMMANDS.split(' '),
    ...commands.split(' '),
    ...(scripts.length > 0 ? ['evalsha', 'eval'] : []),
    ...scripts.flatMap((script) => [...script.commands, ...script.probes].map((name) => name.toLowerCase())),
    ...(database === 0 ? [] : ['select']),
  ];
}

function keyPatterns({ scripts, keys }: RoleNeeds, namespace: string, ids: readonly string[]): string[] {
  const devices = ids.map((id) => ({ id, type: '*', oldType: '*' }));
  const keyspaces = [new Keyspace(namespace), new Keyspace(namespace, '[0-9]*')];
  return keyspaces.flatMap((keyspace) =>
    [...scripts, keys].flatMap((each) => scriptKeys(each, keyspace, devices)),
  );
}

function channelPatterns(
  { commandChannels }: RoleNeeds,
  namespace: string,
  ids: readonly string[],
): string[] {
  const keyspace = new Keyspace(namespace);
  const ofDevices = commandChannels ? ids.map((id) => keyspace.commandsChannel(id)) : [];
  return [keyspace.presenceChannel, ...ofDevices];
}

function setUserLine(
  user: string,
  { commands, keys, channels }: Pick<Acl, 'commands' | 'keys' | 'channels'>,
): string {
  return [
    'ACL SETUSER',
    quoteWord(user),
    'on resetkeys resetchannels -@all',
    ...commands.map((name) => quoteWord(`+${name}`)),
    ...keys.map((pattern) => quoteWord(`~${pattern}`)),
    ...channels.map((pattern) => quoteWord(`&${pattern}`)),
  ].join(' ');
}

/** Returns a word as redis-cli reads it: in quotes, with escapes, unless it has plain characters only. */
function quoteWord(word: string): string {
  if (/^[!#-&(-[\]-~]+$/.test(word)) return word;
  const bytes = [...Buffer.from(word)].map((byte) => {
    const character = String.fromCharCode(byte);
    if (character === '"' || character === '\\') return `\\${character}`;
    return byte > 0x1f && byte < 0x7f ? character : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `"${bytes.join('')}"`;
}

/**
 * Returns a glob pattern that matches the text. A space becomes `?`, which matches any one character, because an ACL
 * pattern cannot contain a space.
 */
function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&').replaceAll(' ', '?');
}

function sortedSet(words: readonly string[]): string[] {
  return [...new Set(words)].sort();
}
