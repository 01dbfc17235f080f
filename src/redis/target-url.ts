/**
 * Where Redis is: a URL turned into ioredis' options, and into what may be shown. A
 * password is in the first and never in the second. Taken apart by hand, because several
 * hosts with ports are no URL to WHATWG's parser.
 */
import type { ConnectionOptions } from 'node:tls';
import type { RedisOptions } from 'ioredis';
import { usageError } from '../core/model/errors.js';
import { serverName } from './tls.js';

export interface Address {
  host: string;
  port: number;
}

export interface Target {
  /** For messages: no password in it. */
  shown: string;
  /** Of a connection to any server of it. With `sentinels`: to the master that they know by `name`. */
  options: RedisOptions;
  /** It is a cluster: where to find it. */
  nodes?: readonly Address[];
}

export interface Secrets {
  /** Where the URL has none (REDISCLI_AUTH). */
  password?: string | undefined;
  /** For URLs that ask for TLS. */
  tls?: ConnectionOptions | undefined;
}

const FORMS =
  'forms: redis://[user@]host[:port][/db], rediss://…, unix:///path[?db=N], redis-sentinel://h1,h2[/db]#master, redis-cluster://h1,h2';
const PARTS = /^([a-z][a-z\d+.-]*):(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/is;

/** @throws DevstateError USAGE; the message repeats nothing that may hold a password */
export function parseTarget(text: string, { password, tls }: Secrets = {}): Target {
  const [, typed, authority, path = '', query, fragment] = PARTS.exec(text) ?? [];
  if (typed === undefined) throw noUrl();
  const scheme = typed.toLowerCase();
  const [known, secure = '', kind = ''] = /^(?:redis(s?)(-sentinel|-cluster)?|unix)$/.exec(scheme) ?? [];
  if (known === undefined) throw usageError(`no server to be had by ${scheme}:`, FORMS);
  if (tls && secure === '')
    throw usageError('--ca, --cert, --key and --insecure are for TLS', 'name it rediss://');
  if (scheme === 'unix') return socket(authority, path, query, password);
  if (authority === undefined) throw noUrl();

  const login = authority.slice(0, authority.lastIndexOf('@') + 1);
  const hosts = authority.slice(login.length).split(',');
  if (hosts.length > 1 && hosts.includes('')) throw noUrl();
  const addresses = hosts.map((host) => address(host, kind === '-sentinel' ? 26379 : 6379));
  const [first] = addresses as [Address];
  // A password with a bare `#` or `?` would be cut there, and its beginning be taken for a port and shown.
  if (query !== undefined || (fragment !== undefined && kind !== '-sentinel'))
    throw usageError('the URL holds a # or ?', 'write %23 and %3F in a password');
  if (kind === '' && addresses.length > 1) throw usageError('that URL names several servers', FORMS);
  const [, user = '', own = ''] = /^([^:]*):?(.*)@$/s.exec(login) ?? [];
  const options: RedisOptions = {
    db: database(path.slice(1)),
    ...credentials(decode(user), decode(own) || password),
    ...(secure !== '' && { tls: { ...tls, ...(kind === '' && serverName(first.host)) } }),
  };
  const shown = `${scheme}://${user && `${user}@`}${addresses.map(shownAddress).join(',')}${options.db ? `/${options.db}` : ''}`;
  switch (kind) {
    case '-sentinel':
      return {
        shown: `${shown}#${masterName(fragment)}`,
        options: {
          ...options,
          sentinels: addresses,
          name: masterName(fragment),
          enableTLSForSentinelMode: secure !== '',
        },
      };
    case '-cluster':
      if (options.db !== 0) throw usageError('a cluster has no database but 0', FORMS);
      return { shown, options, nodes: addresses };
    default:
      return { shown, options: { ...first, ...options } };
  }
}

function socket(
  authority: string | undefined,
  path: string,
  query = '',
  password: string | undefined,
): Target {
  if (authority?.includes('@')) throw noUrl();
  const file = decode(path);
  if (authority || !/^\/./.test(file)) throw usageError('a unix URL needs an absolute path', FORMS);
  const db = database(new URLSearchParams(query).get('db') ?? '');
  return {
    shown: `unix://${file}${db === 0 ? '' : `?db=${db}`}`,
    options: { path: file, db, ...credentials('', password) },
  };
}

/** `host:port`, `[::1]:port`; without a port the usual one, and nothing at all is this machine. */
function address(text: string, usualPort: number): Address {
  const [found, six, name, digits] = /^(?:\[([\da-f:.]+)\]|([\w.-]*))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const port = digits === undefined ? usualPort : Number(digits);
  if (found === undefined || port < 1 || port > 65_535 || (digits !== undefined && !(six || name)))
    throw noUrl();
  return { host: six ?? (name || '127.0.0.1'), port };
}

function shownAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Of the characters that Sentinel itself allows. */
function masterName(fragment = ''): string {
  if (!/^[\w.-]+$/.test(fragment)) throw usageError('the URL names no master after a #', FORMS);
  return fragment;
}

/** Named `default`, a user without a password takes any: else ioredis would warn on stderr. */
function credentials(user: string, password: string | undefined): RedisOptions {
  return { ...((user || password) && { username: user || 'default' }), ...(password && { password }) };
}

function database(text: string): number {
  if (!/^\d{0,6}$/.test(text)) throw usageError('the database of a URL is a number', FORMS);
  return Number(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw usageError('the URL holds a bad % escape', FORMS);
  }
}

function noUrl() {
  return usageError('that is no URL of a server', FORMS);
}
