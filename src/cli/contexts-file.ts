/**
 * The contexts: servers by name, with how to use them, in a TOML file of the user's alone,
 * for there may be passwords in it. They leave this file for the connection only; what
 * commands see of a context is masked.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { ContextEntry } from '../commands/shared/context-store.js';
import { fileProblem, quote, usageError } from '../core/model/errors.js';
import { parseTarget } from '../redis/target-url.js';
import type { Env } from './invocation.js';

/** One context as the file has it. */
export interface Settings {
  url: string;
  namespace?: string;
  dialect?: 'node' | 'python';
  readOnly?: boolean;
  protected?: boolean;
  ca?: string;
  cert?: string;
  key?: string;
  insecure?: boolean;
}

export interface Contexts {
  current?: string;
  contexts: Map<string, Settings>;
}

const KINDS: Record<keyof Settings, 'string' | 'boolean'> = {
  ...{ url: 'string', namespace: 'string', dialect: 'string' },
  ...{ readOnly: 'boolean', protected: 'boolean' },
  ...{ ca: 'string', cert: 'string', key: 'string', insecure: 'boolean' },
};

/** Where the file is, or would be. */
export async function contextsPath(env: Env): Promise<string> {
  if (env.DEVSTATE_CONFIG) return resolve(env.DEVSTATE_CONFIG);
  const { default: envPaths } = await import('env-paths');
  return join(envPaths('devstate', { suffix: '' }).config, 'config.toml');
}

/**
 * None where there is no file. `warn` is told of passwords that others can read.
 * @throws DevstateError USAGE; no message repeats what stands in the file, but for names
 */
export async function readContexts(path: string, warn: (message: string) => void): Promise<Contexts> {
  const file = await readWhole(path);
  if (file === undefined) return { contexts: new Map() };
  const found = check(await parse(path, file.text), path);
  const secret = [...found.contexts.values()].some(({ url }) => masked(url) !== url);
  if (secret && (file.mode & 0o077) !== 0)
    warn(`${path} holds a password and others can read it: chmod 600 would mend that`);
  return found;
}

/** In one go: whoever reads meanwhile finds the old or the new. @throws DevstateError USAGE */
export async function writeContexts(path: string, { current, contexts }: Contexts): Promise<void> {
  const { stringify } = await import('smol-toml');
  const text = stringify({
    ...(current !== undefined && { current }),
    contexts: Object.fromEntries(contexts),
  });
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const target = await realpath(path).catch(() => path); // it may be a link into a repository of such files
    const draft = `${target}.${randomUUID()}`;
    try {
      const file = await open(draft, 'wx', 0o600);
      await file.writeFile(text).finally(() => file.close());
      await rename(draft, target);
    } finally {
      await rm(draft, { force: true });
    }
  } catch (error) {
    throw usageError(`cannot write ${path}: ${fileProblem(error)}`);
  }
}

/** @throws DevstateError USAGE: there is none, and which there are */
export function contextNamed({ contexts }: Contexts, name: string): Settings {
  const found = contexts.get(name);
  if (found) return found;
  const known = [...contexts.keys()].join(', ');
  throw usageError(
    `no context ${quote(name)}${known && `; there are ${known}`}`,
    'devstate context set NAME --url URL',
  );
}

/** As commands see it. @throws DevstateError USAGE */
export function entryOf(all: Contexts, name: string): ContextEntry {
  const settings = contextNamed(all, name);
  const { namespace = null, dialect = null, ca = null, cert = null, key = null } = settings;
  const { readOnly = false, protected: guarded = false, insecure = false } = settings;
  return {
    ...{ name, current: name === all.current, url: masked(settings.url), namespace, dialect },
    ...{ readOnly, protected: guarded, ca, cert, key, insecure },
  };
}

/** A URL with *** for its password; all of what is no URL. */
function masked(url: string): string {
  try {
    if (parseTarget(url).options.password === undefined) return url;
  } catch {
    return '***';
  }
  return url.replace(/^([^:]+:\/\/[^:@/?#]*):[^/?#]*@/, '$1:***@');
}

async function readWhole(path: string): Promise<{ text: string; mode: number } | undefined> {
  try {
    const file = await open(path);
    try {
      return { text: await file.readFile('utf8'), mode: (await file.stat()).mode };
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw usageError(`cannot read ${path}: ${fileProblem(error)}`);
  }
}

async function parse(path: string, text: string): Promise<Record<string, unknown>> {
  const toml = await import('smol-toml');
  try {
    return toml.parse(text);
  } catch (error) {
    if (!(error instanceof toml.TomlError)) throw error;
    // The rest of its message, and so its stack, shows the lines around.
    const [reason = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    throw usageError(`${path}, line ${error.line}: ${reason}`, 'mend it there');
  }
}

/** A misspelt `readOnly` must not pass for none. */
function check(document: Record<string, unknown>, path: string): Contexts {
  const wrong = (what: string) => usageError(`${path}: ${what}`, 'mend it there');
  const { current, contexts = {}, ...others } = document;
  const [stray] = Object.keys(others);
  if (stray !== undefined) throw wrong(`there is no ${quote(stray)}, only current and [contexts.NAME]`);
  if (current !== undefined && typeof current !== 'string') throw wrong('current is the name of a context');
  if (!isTable(contexts)) throw wrong('contexts are tables: [contexts.NAME]');
  const checked = Object.entries(contexts).map(([name, settings]) => {
    checkName(name);
    const of = `context ${quote(name)}`;
    if (!isTable(settings)) throw wrong(`${of} is no table`);
    for (const [field, value] of Object.entries(settings)) {
      const kind = Object.hasOwn(KINDS, field) ? KINDS[field as keyof Settings] : undefined;
      if (!kind) throw wrong(`${of} has a ${quote(field)}; there are ${Object.keys(KINDS).join(', ')}`);
      if (typeof value !== kind) throw wrong(`${of}: ${field} is a ${kind}`);
    }
    const { url, dialect } = settings;
    if (url === undefined) throw wrong(`${of} has no url`);
    if (dialect !== undefined && dialect !== 'node' && dialect !== 'python')
      throw wrong(`${of}: the dialect is node or python`);
    return [name, settings as unknown as Settings] as const;
  });
  return { ...(current !== undefined && { current }), contexts: new Map(checked) };
}

/** Also for messages: nothing that a terminal obeys. @throws DevstateError USAGE */
export function checkName(name: string): void {
  if (!/^[\w.-]{1,64}$/.test(name))
    throw usageError(
      `${quote(name)} is no name of a context`,
      'letters, digits, - _ and . are allowed, 64 at most',
    );
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
