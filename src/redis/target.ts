/**
 * Where Redis is: a URL turned into ioredis' options, and into what may be shown. A
 * password is in the first and never in the second.
 */
import type { RedisOptions } from 'ioredis';
import { usage } from '../core/errors.js';

export interface Target {
  /** For messages: no password in it. */
  shown: string;
  options: RedisOptions;
}

const FORMS = 'forms: redis://[user@]host[:port][/db], rediss://…, unix:///path[?db=N]';

/**
 * @param password where the URL has none (REDISCLI_AUTH)
 * @throws DevstateError USAGE; the message repeats nothing that may hold a password
 */
export function parseTarget(text: string, password: string | undefined): Target {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  switch (url?.protocol) {
    case 'redis:':
    case 'rediss:':
      return server(url, password);
    case 'unix:':
      return socket(url, password);
    default:
      throw usage(url ? `no server to be had by ${url.protocol}` : 'that is no URL of a server', FORMS);
  }
}

function server(url: URL, fallback: string | undefined): Target {
  // A password with a bare `#` or `?` would be cut there, and its beginning be taken for a port and shown.
  if (url.hash !== '' || url.search !== '')
    throw usage('the URL holds a # or ?', 'write %23 and %3F in a password');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1') || '127.0.0.1';
  const port = url.port === '' ? 6379 : Number(url.port);
  const db = database(url.pathname.slice(1));
  const user = decode(url.username);
  const password = decode(url.password) || fallback;
  const shownHost = `${url.hostname || host}:${port}`;
  return {
    shown: `${url.protocol}//${url.username && `${url.username}@`}${shownHost}${db === 0 ? '' : `/${db}`}`,
    options: {
      host,
      port,
      db,
      ...(user && { username: user }),
      ...(password && { password }),
      ...(url.protocol === 'rediss:' && { tls: {} }),
    },
  };
}

function socket(url: URL, password: string | undefined): Target {
  const path = decode(url.pathname);
  if (url.hostname !== '' || !/^\/./.test(path)) throw usage('a unix URL needs an absolute path', FORMS);
  const db = database(url.searchParams.get('db') ?? '');
  return {
    shown: `unix://${path}${db === 0 ? '' : `?db=${db}`}`,
    options: { path, db, ...(password && { password }) },
  };
}

function database(text: string): number {
  if (!/^\d{0,6}$/.test(text)) throw usage('the database of a URL is a number', FORMS);
  return Number(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw usage('the URL holds a bad % escape', FORMS);
  }
}
