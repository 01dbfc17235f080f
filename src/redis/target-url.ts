/**
 * Turns the URL of a server into ioredis' options, and into a text for messages that has no password. The forms
 * are redis://[user:password@]host[:port][/db], unix:///path[?db=N], redis-sentinel://h1,h2[/db]#master and
 * redis-cluster://h1,h2; with rediss in place of redis the connection uses TLS. URLs are parsed by hand, because
 * `new URL()` accepts no URL with several hosts.
 */
import type { RedisOptions } from 'ioredis';
import { DevstateError } from '../core/model/errors.js';
import { serverName } from './server-name.js';

export interface Address {
  host: string;
  port: number;
}

export interface Target {
  /** The URL of the server without its password, to be shown in messages. */
  shown: string;
  /**
   * ioredis' options for a connection to the server; for Sentinel (`sentinels`), to the master called `name`; for a
   * cluster, to each node.
   */
  options: RedisOptions;
  /** The nodes that the URL of a cluster names; undefined: the URL is not one of a cluster. */
  nodes?: readonly Address[];
}

const PARTS = /^([a-z][a-z\d+.-]*):(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/is;

/**
 * Parses the URL of a server, of sentinels or of a cluster.
 * @param password the password to use if the URL has none
 * @throws DevstateError USAGE: the URL is not valid; the message quotes no part of it that may be a password
 */
export function parseTarget(text: string, password?: string): Target {
  const [, typed, authority, path = '', query, fragment] = PARTS.exec(text) ?? [];
  if (typed === undefined) throw invalidUrl();
  const scheme = typed.toLowerCase();
  const [known, secure = '', kind = ''] = /^(?:redis(s?)(-sentinel|-cluster)?|unix)$/.exec(scheme) ?? [];
  if (known === undefined) throw invalidUrl(`unknown URL scheme ${scheme}:`);
  if (scheme === 'unix') return socketTarget(authority, path, query, password);
  if (authority === undefined) throw invalidUrl();

  const login = authority.slice(0, authority.lastIndexOf('@') + 1);
  const hosts = authority.slice(login.length).split(',');
  if (hosts.length > 1 && hosts.includes('')) throw invalidUrl();
  const addresses = hosts.map((host) => address(host, kind === '-sentinel' ? 26379 : 6379));
  const [first] = addresses as [Address];
  // A URL with `?`, or with `#` if it is not for Sentinel, is refused: it probably has an unescaped password with
  // that character. The character would end the part with the hosts, so the beginning of the password would be
  // taken for a port and be shown in messages.
  if (query !== undefined || (fragment !== undefined && kind !== '-sentinel'))
    throw new DevstateError('USAGE', 'the URL contains a # or ?', { reason: 'UNESCAPED_PASSWORD' });
  if (kind === '' && addresses.length > 1) throw invalidUrl('the URL names several servers');
  const [, user = '', urlPassword = ''] = /^([^:]*):?(.*)@$/s.exec(login) ?? [];
  const options: RedisOptions = {
    db: database(path.slice(1)),
    ...credentials(decode(user), decode(urlPassword) || password),
    ...(secure !== '' && { tls: kind === '' ? serverName(first.host) : {} }),
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
      if (options.db !== 0) throw invalidUrl('a cluster has only database 0');
      return { shown, options, nodes: addresses };
    default:
      return { shown, options: { ...first, ...options } };
  }
}

function socketTarget(
  authority: string | undefined,
  path: string,
  query = '',
  password: string | undefined,
): Target {
  if (authority?.includes('@')) throw invalidUrl();
  const file = decode(path);
  if (authority || !/^\/./.test(file)) throw invalidUrl('a unix URL needs an absolute path');
  const db = database(new URLSearchParams(query).get('db') ?? '');
  return {
    shown: `unix://${file}${db === 0 ? '' : `?db=${db}`}`,
    options: { path: file, db, ...credentials('', password) },
  };
}

/** Parses `host:port` or `[::1]:port`; an empty text means 127.0.0.1 with the default port. */
function address(text: string, defaultPort: number): Address {
  const [found, six, name, digits] = /^(?:\[([\da-f:.]+)\]|([\w.-]*))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const port = digits === undefined ? defaultPort : Number(digits);
  if (found === undefined || port < 1 || port > 65_535 || (digits !== undefined && !(six || name)))
    throw invalidUrl();
  return { host: six ?? (name || '127.0.0.1'), port };
}

function shownAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * Returns the name of the master from the fragment of a URL. Only the characters that Sentinel allows in such a
 * name are accepted.
 */
function masterName(fragment = ''): string {
  if (!/^[\w.-]+$/.test(fragment)) throw invalidUrl('the URL must name the master after a #');
  return fragment;
}

/**
 * Returns the options for AUTH. A password without a user gets the user `default`: without a user name, ioredis
 * would print a warning on stderr if the server requires no password.
 */
function credentials(user: string, password: string | undefined): RedisOptions {
  return { ...((user || password) && { username: user || 'default' }), ...(password && { password }) };
}

function database(text: string): number {
  if (!/^\d{0,6}$/.test(text)) throw invalidUrl('the database in a URL must be a number');
  return Number(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidUrl('the URL contains an invalid % escape');
  }
}

function invalidUrl(message = 'not a valid server URL'): DevstateError {
  return new DevstateError('USAGE', message, { reason: 'INVALID_URL' });
}
