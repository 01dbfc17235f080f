/** The saved contexts: named servers, each with its URL and with the options to use it. */
import type { ContextEntry } from '../commands/shared/saved-context-store.js';
import { quote, usageError } from '../core/model/errors.js';
import { parseTarget } from '../redis/target-url.js';

/** One context as it is saved in the file; its URL may contain a password. */
export interface SavedContext {
  url: string;
  namespace?: string;
  dialect?: 'node' | 'python';
  readOnly?: boolean;
  protected?: boolean;
  ca?: string;
  cert?: string;
  key?: string;
  insecure?: boolean;
  role?: 'device';
  /** With the role `device`: the number of partitions of the fleet. */
  partitions?: number;
  /** With the role `device`: how many reports the history of a device keeps. */
  historyCap?: number;
}

export interface SavedContexts {
  /** The name of the context that is used when nothing else names a server. */
  current?: string;
  contexts: Map<string, SavedContext>;
}

/**
 * Returns the context with a name.
 * @throws DevstateError USAGE: no context has this name; the message lists the existing names
 */
export function contextNamed({ contexts }: SavedContexts, name: string): SavedContext {
  const found = contexts.get(name);
  if (found) return found;
  const known = [...contexts.keys()].join(', ');
  throw usageError(
    `no context ${quote(name)}${known && `; there are ${known}`}`,
    'devstate context set NAME --url URL',
  );
}

/**
 * Returns a context as commands see it: without its password.
 * @throws DevstateError USAGE: no context has this name
 */
export function contextEntry(all: SavedContexts, name: string): ContextEntry {
  const saved = contextNamed(all, name);
  return {
    name,
    current: name === all.current,
    url: maskPassword(saved.url),
    namespace: saved.namespace ?? null,
    dialect: saved.dialect ?? null,
    readOnly: saved.readOnly ?? false,
    protected: saved.protected ?? false,
    ca: saved.ca ?? null,
    cert: saved.cert ?? null,
    key: saved.key ?? null,
    insecure: saved.insecure ?? false,
    role: saved.role ?? null,
    partitions: saved.partitions ?? null,
    historyCap: saved.historyCap ?? null,
  };
}

/**
 * Returns a URL with *** in place of its password; only *** for text that is no URL, because it may contain a
 * password.
 */
export function maskPassword(url: string): string {
  try {
    if (parseTarget(url).options.password === undefined) return url;
  } catch {
    return '***';
  }
  return url.replace(/^([^:]+:\/\/[^:@/?#]*):[^/?#]*@/, '$1:***@');
}

/**
 * Checks the name of a context. It may have only characters that are safe to print and to type.
 * @throws DevstateError USAGE: the name has other characters, or more than 64
 */
export function checkContextName(name: string): void {
  if (!/^[\w.-]{1,64}$/.test(name))
    throw usageError(
      `${quote(name)} is not a valid context name`,
      'a name is 1 to 64 letters, digits, - _ or .',
    );
}
