/** What the `context` command does to the file: it is read, changed, and written in one go. */
import { resolve } from 'node:path';
import type { ContextStore } from '../commands/shared/context-store.js';
import type { Globals } from '../commands/shared/global-options.js';
import { usageError } from '../core/model/errors.js';
import { parseTarget } from '../redis/target-url.js';
import {
  type Contexts,
  checkName,
  contextNamed,
  contextsPath,
  entryOf,
  readContexts,
  type Settings,
  writeContexts,
} from './contexts-file.js';
import type { Env } from './invocation.js';
import { namespaceOf, omitUndefined } from './resolve-target.js';

export function contextStore(globals: Globals, env: Env, warn: (message: string) => void): ContextStore {
  const read = async () => readContexts(await contextsPath(env), warn);

  async function change<T>(edit: (contexts: Contexts) => T): Promise<T> {
    const contexts = await read();
    const result = edit(contexts);
    await writeContexts(await contextsPath(env), contexts);
    return result;
  }

  return {
    async list() {
      const all = await read();
      return [...all.contexts.keys()].map((name) => entryOf(all, name));
    },
    async get(asked) {
      const all = await read();
      const name = asked ?? globals.context ?? all.current;
      if (name === undefined) throw usageError('there is no current context', 'devstate context use NAME');
      return entryOf(all, name);
    },
    use: (name) =>
      change((all) => {
        contextNamed(all, name);
        all.current = name;
        return entryOf(all, name);
      }),
    set: (name, changes) =>
      change((all) => {
        checkName(name);
        const { unset, ...own } = changes;
        const settings = { ...all.contexts.get(name), ...settingsIn(globals), ...own };
        for (const field of unset) delete settings[field];
        all.contexts.set(name, checked(settings));
        return entryOf(all, name);
      }),
    remove: (name) =>
      change((all) => {
        contextNamed(all, name);
        all.contexts.delete(name);
        if (all.current === name) delete all.current;
      }),
  };
}

/** What the global options say of a server. Paths are to hold wherever it is used from. */
function settingsIn(globals: Globals): Partial<Settings> {
  const { url, namespace, dialect, readOnly, insecure } = globals;
  const path = (name: 'ca' | 'cert' | 'key') => globals[name] && resolve(globals[name]);
  const paths = { ca: path('ca'), cert: path('cert'), key: path('key') };
  return omitUndefined({ url, namespace, dialect, readOnly, ...paths, insecure });
}

/** @throws DevstateError USAGE: it would be of no use */
function checked(settings: Partial<Settings>): Settings {
  const { url, namespace, ca, cert, key, insecure } = settings;
  if (url === undefined)
    throw usageError('a new context needs a server', 'devstate context set NAME --url URL');
  parseTarget(url, { tls: ca || cert || key || insecure ? {} : undefined });
  if (namespace !== undefined) namespaceOf(namespace);
  return { ...settings, url };
}
