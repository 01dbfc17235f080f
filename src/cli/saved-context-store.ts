/**
 * Reads and changes the saved contexts for `devstate context`.
 */
import { resolve } from 'node:path';
import type { Globals } from '../commands/shared/global-options.js';
import type { SavedContextStore } from '../commands/shared/saved-context-store.js';
import { usageError } from '../core/model/errors.js';
import { validNamespace } from '../core/model/namespace.js';
import { parseTarget } from '../redis/target-url.js';
import type { Env } from './invocation.js';
import { checkRole, checkTls, omitUndefined } from './resolve-target.js';
import {
  checkContextName,
  contextEntry,
  contextNamed,
  type SavedContext,
  type SavedContexts,
} from './saved-contexts.js';
import { changeContexts, contextsPath, readContexts } from './saved-contexts-file.js';

export function contextStore(globals: Globals, env: Env, warn: (message: string) => void): SavedContextStore {
  const read = async () => readContexts(await contextsPath(env), warn);

  const change = async <T>(edit: (contexts: SavedContexts) => T): Promise<T> =>
    changeContexts(await contextsPath(env), edit, warn);

  return {
    async list() {
      const all = await read();
      return [...all.contexts.keys()].map((name) => contextEntry(all, name));
    },
    async get(requested) {
      const all = await read();
      const name = requested ?? globals.context ?? all.current;
      if (name === undefined) throw usageError('there is no current context', 'devstate context use NAME');
      return contextEntry(all, name);
    },
    use: (name) =>
      change((all) => {
        contextNamed(all, name);
        all.current = name;
        return contextEntry(all, name);
      }),
    set: (name, changes) =>
      change((all) => {
        checkContextName(name);
        const { unset, ...own } = changes;
        const context = { ...all.contexts.get(name), ...fromOptions(globals), ...own };
        for (const field of unset) delete context[field];
        all.contexts.set(name, checked(context));
        return contextEntry(all, name);
      }),
    remove: (name) =>
      change((all) => {
        contextNamed(all, name);
        all.contexts.delete(name);
        if (all.current === name) delete all.current;
      }),
  };
}

/**
 * Returns the fields of a context that the global options set. Paths become absolute, because the context is used
 * from other folders too.
 */
function fromOptions(globals: Globals): Partial<SavedContext> {
  const { url, namespace, dialect, readOnly, insecure, role, fleetPartitions, fleetHistory } = globals;
  const path = (name: 'ca' | 'cert' | 'key') => globals[name] && resolve(globals[name]);
  return omitUndefined({
    url,
    namespace,
    dialect,
    readOnly,
    ca: path('ca'),
    cert: path('cert'),
    key: path('key'),
    insecure,
    role,
    partitions: fleetPartitions,
    historyCap: fleetHistory,
  });
}

/**
 * Checks a context before it is saved.
 * @throws DevstateError USAGE: the context has no valid URL, an invalid namespace, or TLS options for a URL without
 * TLS; or the options of the role `device` without this role
 */
function checked(context: Partial<SavedContext>): SavedContext {
  const { url, namespace, role, partitions, historyCap } = context;
  if (url === undefined) throw usageError('a new context needs a URL', 'devstate context set NAME --url URL');
  checkTls(parseTarget(url), context);
  if (namespace !== undefined) validNamespace(namespace);
  checkRole({ role, partitions, historyCap });
  return { ...context, url };
}
