/**
 * Redis ACL rules for the users of a fleet. A user has a role, and may use only the commands, keys and channels that
 * the role needs. Redis checks permissions for the commands within a script too, so a role includes the commands that
 * its scripts declare. A key pattern permits reads and writes, because read-only patterns (`%R~`) exist only since
 * Redis 7. The patterns cover partitioned and unpartitioned fleets, because rules are made without asking the server
 * which the fleet is. The role `device` is different: it has no scripts, and exact keys (`device-login.ts`).
 */
import { usageError } from '../model/errors.js';
import { escapeGlob } from '../model/escape-glob.js';
import { Keyspace } from '../model/keyspace.js';
import type { Script, ScriptKeys } from '../store/script-descriptor.js';
import { scriptKeys } from '../store/script-keys.js';
import { DUE, LOWER_TTL, SCRIPTS, SETTLE } from '../store/scripts.js';
import { MAX_PARTITIONS } from '../store/settings.js';
import { deviceChannels, deviceCommands, deviceKeys, type Topology } from './device-login.js';

/**
 * The roles, and what a user of each may do.
 * - viewer: every devstate command that only reads
 * - operator: what a viewer may do, and every devstate command that changes devices or the fleet
 * - device: `heartbeat` and `disconnect` for the given devices, read them, and subscribe to their command channels; the
 *   program must connect with the role `device` (`FleetOptions`), because the user may run no script
 * - detector: run `devstate detect`; the permissions that it needs make some reads and lists possible too
 */
export const ROLES = ['viewer', 'operator', 'device', 'detector'] as const;
export type Role = (typeof ROLES)[number];

export interface AclOptions {
  /** The name of the Redis user; default: the name of the role. */
  user?: string;
  /** The namespace of the fleet: with `acme`, every key and channel begins with `acme:`. */
  namespace?: string | undefined;
  /** For the role `device` only: the ids of the devices that the user may act for; default: the user's name. */
  ids?: readonly string[];
  /** The number of the Redis database; default 0. With any other number the user needs the command SELECT. */
  database?: number;
  /** For the role `device` only: the number of partitions of the fleet; default 1. */
  partitions?: number;
  /** For the role `device` only: how the server is reached; default: as one server. */
  topology?: Topology;
}

export interface Acl {
  role: Role;
  user: string;
  /** The permitted commands, sorted, in lower case; a subcommand is written `cluster|slots`. */
  commands: string[];
  /** Glob patterns of the permitted keys, sorted. */
  keys: string[];
  /** Glob patterns of the permitted channels, sorted. */
  channels: string[];
  /**
   * An ACL SETUSER command for redis-cli that sets all rules of the user, and leaves the user's passwords unchanged.
   */
  line: string;
}

type Rules = Pick<Acl, 'commands' | 'keys' | 'channels'>;

interface RoleNeeds {
  scripts: readonly Script[];
  /** The names of the Redis commands that are sent outside of scripts, separated by spaces. */
  commands: string;
  /** The keys that commands outside of scripts use. */
  keys: ScriptKeys;
  /**
   * True: the role subscribes or publishes to the command channels of devices, so it gets the permission. False: it
   * does not get it.
   */
  commandChannels: boolean;
}

/** The commands that every role needs: to connect, to follow a cluster's redirections, to read the fleet's settings. */
const COMMON_COMMANDS = 'ping cluster|slots asking hmget';
const READ_COMMANDS =
  'time hget hstrlen pttl get exists sscan scard srandmember zrange zrevrange zscore zrank zrevrank zcount zmscore ' +
  'xrange xrevrange xinfo|stream lrange subscribe';
const ALL_KEYS: ScriptKeys = {
  keys: [...new Set(SCRIPTS.flatMap(({ keys }) => keys))],
  deviceKeys: [...new Set(SCRIPTS.flatMap(({ deviceKeys }) => deviceKeys))],
};

const NEEDS: Record<Exclude<Role, 'device'>, RoleNeeds> = {
  viewer: { scripts: [], commands: READ_COMMANDS, keys: ALL_KEYS, commandChannels: false },
  operator: {
    scripts: SCRIPTS.filter((script) => script !== DUE && script !== LOWER_TTL),
    commands: `${READ_COMMANDS} type sismember smismember zscan info`,
    keys: ALL_KEYS,
    commandChannels: true,
  },
  detector: {
    scripts: [DUE, SETTLE, LOWER_TTL],
    commands: 'time type sscan scard srandmember subscribe zrange zrank exists info',
    keys: { keys: ['meta', 'registered'], deviceKeys: [] },
    commandChannels: false,
  },
};

/**
 * Returns the ACL rules of a user with this role.
 * @throws DevstateError USAGE: Redis does not accept the user's name; or a device's id cannot be in an ACL pattern
 */
export function aclOf(role: Role, options: AclOptions = {}): Acl {
  const { user = role, database = 0 } = options;
  if (!/^[^\s\p{Cc}]+$/u.test(user))
    throw usageError('a user name must not be empty or contain white space or control characters');
  const { commands, keys, channels } =
    role === 'device' ? deviceRules(user, options) : rulesOf(NEEDS[role], options);
  const rules = {
    commands: sortedSet(database === 0 ? commands : [...commands, 'select']),
    keys: sortedSet(keys),
    channels: sortedSet(channels),
  };
  return { role, user, ...rules, line: setUserLine(user, rules) };
}

function deviceRules(
  user: string,
  { namespace = '', ids = [user], partitions = 1, topology = 'server' }: AclOptions,
): Rules {
  return {
    commands: deviceCommands(topology),
    keys: deviceKeys(namespace, partitions, ids).map(escapeGlob),
    channels: deviceChannels(namespace, ids).map(escapeGlob),
  };
}

function rulesOf(needs: RoleNeeds, { namespace = '' }: AclOptions): Rules {
  const escaped = escapeGlob(namespace);
  return {
    commands: commandNames(needs),
    keys: keyPatterns(needs, escaped),
    channels: channelPatterns(needs, escaped),
  };
}

function commandNames({ scripts, commands }: RoleNeeds): string[] {
  return [
    ...COMMON_COMMANDS.split(' '),
    ...commands.split(' '),
    ...(scripts.length > 0 ? ['evalsha', 'eval'] : []),
    ...scripts.flatMap((script) => [...script.commands, ...script.probes].map((name) => name.toLowerCase())),
  ];
}

/**
 * Glob patterns of the partition numbers, one for each count of digits up to that of `MAX_PARTITIONS`. `[0-9]*` also
 * matches any text after the first digit, so with a device id that contains `}:` it would match keys of another kind.
 */
const PARTITION_TAGS = Array.from(String(MAX_PARTITIONS), (_, i) => '[0-9]'.repeat(i + 1));

function keyPatterns({ scripts, keys }: RoleNeeds, namespace: string): string[] {
  const devices = [{ id: '*', type: '*', oldType: '*' }];
  const keyspaces = [new Keyspace(namespace), ...PARTITION_TAGS.map((tag) => new Keyspace(namespace, tag))];
  return keyspaces.flatMap((keyspace) =>
    [...scripts, keys].flatMap((each) => scriptKeys(each, keyspace, devices)),
  );
}

function channelPatterns({ commandChannels }: RoleNeeds, namespace: string): string[] {
  const keyspace = new Keyspace(namespace);
  return [keyspace.presenceChannel, ...(commandChannels ? [keyspace.commandsChannel('*')] : [])];
}

function setUserLine(user: string, { commands, keys, channels }: Rules): string {
  return [
    'ACL SETUSER',
    quoteWord(user),
    'on resetkeys resetchannels -@all',
    ...commands.map((name) => quoteWord(`+${name}`)),
    ...keys.map((pattern) => quoteWord(`~${pattern}`)),
    ...channels.map((pattern) => quoteWord(`&${pattern}`)),
  ].join(' ');
}

/** Returns a word in the form that redis-cli reads as this word: if it has special characters, quoted and escaped. */
function quoteWord(word: string): string {
  if (/^[!#-&(-[\]-~]+$/.test(word)) return word;
  const bytes = [...Buffer.from(word)].map((byte) => {
    const character = String.fromCharCode(byte);
    if (character === '"' || character === '\\') return `\\${character}`;
    return byte > 0x1f && byte < 0x7f ? character : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `"${bytes.join('')}"`;
}

function sortedSet(words: readonly string[]): string[] {
  return [...new Set(words)].sort();
}
