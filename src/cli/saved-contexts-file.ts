/**
 * Reads and writes the file of the saved contexts. It is TOML, and only its user may read it, because URLs in it may
 * contain passwords.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readlink, realpath, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { DevstateError, fileProblem, quote, usageError } from '../core/model/errors.js';
import { withFileLock } from './file-lock.js';
import type { Env } from './invocation.js';
import { checkContextName, maskPassword, type SavedContext, type SavedContexts } from './saved-contexts.js';

/** The fields that a context in the file (a table [contexts.NAME]) may have, and their types. */
const FIELD_TYPES: Record<keyof SavedContext, 'string' | 'boolean' | 'number'> = {
  url: 'string',
  namespace: 'string',
  dialect: 'string',
  readOnly: 'boolean',
  protected: 'boolean',
  ca: 'string',
  cert: 'string',
  key: 'string',
  insecure: 'boolean',
  role: 'string',
  partitions: 'number',
  historyCap: 'number',
};

/**
 * Returns the path of the contexts file, which may not exist: DEVSTATE_CONFIG, else a file in the platform's
 * configuration folder. Undefined: the user has no home folder, as in some containers, so there is no such file.
 */
export async function contextsPath(env: Env): Promise<string | undefined> {
  if (env.DEVSTATE_CONFIG) return resolve(env.DEVSTATE_CONFIG);
  if (!hasHome()) return undefined; // env-paths would fail
  const { default: envPaths } = await import('env-paths');
  return join(envPaths('devstate', { suffix: '' }).config, 'config.toml');
}

/** Returns whether the user has a home folder: in HOME, or in an entry of the system's list of users. */
function hasHome(): boolean {
  try {
    homedir();
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads the saved contexts; if there is no file, there are none. `warn` is called if the file contains a password
 * and other users can read it.
 * @throws DevstateError USAGE: the file cannot be read or is not valid; the message quotes names from the file but
 * never values, which may be passwords
 */
export async function readContexts(
  path: string | undefined,
  warn: (message: string) => void,
): Promise<SavedContexts> {
  const file = path === undefined ? undefined : await readWhole(path);
  if (path === undefined || file === undefined) return { contexts: new Map() };
  const found = checkedContexts(await parse(path, file.text), path);
  const hasPassword = [...found.contexts.values()].some(({ url }) => maskPassword(url) !== url);
  if (hasPassword && (file.mode & 0o077) !== 0)
    warn(`${path} contains a password and other users can read it: run chmod 600 on it`);
  return found;
}

/**
 * Changes the saved contexts, under a lock, so that changes by two processes are both kept.
 * @param edit changes the contexts that it is given; if it throws, the file stays as it is. If another process took
 * over the lock meanwhile, the file is read again, and `edit` is called again with its contexts
 * @throws DevstateError USAGE: there is no home folder; the file cannot be read or written, is not valid, or others have
 * its lock; and what `edit` throws
 */
export async function changeContexts<T>(
  path: string | undefined,
  edit: (contexts: SavedContexts) => T,
  warn: (message: string) => void,
): Promise<T> {
  if (path === undefined)
    throw usageError('no home folder to save contexts in', 'DEVSTATE_CONFIG=FILE names another place');
  try {
    const target = await targetOf(path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    return await withFileLock(target, async (assertHeld) => {
      const contexts = await readContexts(path, warn);
      const result = edit(contexts);
      await replaceFile(target, await changedText(path, contexts), assertHeld);
      return result;
    });
  } catch (error) {
    throw error instanceof DevstateError ? error : usageError(`cannot write ${path}: ${fileProblem(error)}`);
  }
}

/** Returns the text of the file with other contexts in it. @throws DevstateError USAGE: its comments would be lost */
async function changedText(path: string, contexts: SavedContexts): Promise<string> {
  const { editContexts } = await import('./contexts-text.js');
  const text = editContexts((await readWhole(path))?.text ?? '', contexts);
  if (text === undefined)
    throw usageError(
      `${path} has comments, and another layout than a section for each context`,
      'change it in that file',
    );
  return text;
}

/** Returns the path that a symbolic link leads to, also if there is no file yet; `path` itself if it is no link. */
async function targetOf(path: string): Promise<string> {
  const folder = await realpath(dirname(path)).catch(() => dirname(path));
  const own = join(folder, basename(path));
  const link = await readlink(own).catch(() => undefined);
  if (link === undefined) return own;
  // `realpath` fails if links lead to each other.
  return realpath(own).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
    return targetOf(resolve(folder, link));
  });
}

/**
 * Replaces a file in one step, so that a program that reads it meanwhile gets the old or the new text, never a part.
 * `assertHeld` is called when only the replacement is left to do; if it throws, the file stays as it is.
 */
async function replaceFile(path: string, text: string, assertHeld: () => void): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    const file = await open(draft, 'wx', 0o600);
    await file.writeFile(text).finally(() => file.close());
    assertHeld();
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
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
    // The parser's message and stack quote the file, which may contain passwords. So only the first line of the
    // message is printed: it gives the reason, and the quotation begins below it.
    const [reason = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    throw usageError(`${path}, line ${error.line}: ${reason}`, 'fix it in that file');
  }
}

/**
 * Checks the parsed contexts file and returns its contexts. Unknown fields are refused, because a misspelt
 * `readOnly` would otherwise allow writes.
 * @throws DevstateError USAGE: the content is not valid
 */
function checkedContexts(document: Record<string, unknown>, path: string): SavedContexts {
  const wrong = (what: string) => usageError(`${path}: ${what}`, 'fix it in that file');
  const { current, contexts = {}, ...others } = document;
  const [stray] = Object.keys(others);
  if (stray !== undefined) throw wrong(`unknown key ${quote(stray)}; known: current and [contexts.NAME]`);
  if (current !== undefined && typeof current !== 'string')
    throw wrong('current must be the name of a context');
  if (!isTable(contexts)) throw wrong('contexts must be tables: [contexts.NAME]');
  const checked = Object.entries(contexts).map(([name, settings]) => {
    checkContextName(name);
    const of = `context ${quote(name)}`;
    if (!isTable(settings)) throw wrong(`${of} is not a table`);
    for (const [field, value] of Object.entries(settings)) {
      const type = Object.hasOwn(FIELD_TYPES, field) ? FIELD_TYPES[field as keyof SavedContext] : undefined;
      if (!type)
        throw wrong(`${of}: unknown field ${quote(field)}; known: ${Object.keys(FIELD_TYPES).join(', ')}`);
      if (typeof value !== type) throw wrong(`${of}: ${field} must be a ${type}`);
    }
    const { url, dialect, role } = settings;
    if (url === undefined) throw wrong(`${of} has no url`);
    if (dialect !== undefined && dialect !== 'node' && dialect !== 'python')
      throw wrong(`${of}: dialect must be node or python`);
    if (role !== undefined && role !== 'device') throw wrong(`${of}: role must be device`);
    return [name, settings as unknown as SavedContext] as const;
  });
  return { ...(current !== undefined && { current }), contexts: new Map(checked) };
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
