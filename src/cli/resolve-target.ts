/**
 * Finds which server a command line uses, and how: from its options, else the environment, else a saved context.
 */
import type { Globals } from '../commands/shared/global-options.js';
import { usageError } from '../core/model/errors.js';
import { validNamespace } from '../core/model/namespace.js';
import { parseTarget, type Target } from '../redis/target-url.js';
import type { Env } from './invocation.js';
import type { SavedContext } from './saved-contexts.js';
import type { TlsFiles } from './tls-files.js';

export interface ResolvedTarget {
  target: Target;
  /** The name of the context in use; undefined: no context is used. */
  context?: string;
  namespace?: string;
  dialect?: 'node' | 'python';
  readOnly: boolean;
  /** True: a write to several devices asks for confirmation. False: it does not, except `unregister`. */
  protected: boolean;
  /** `device`: the user is a device with a login of its own; undefined: another user. */
  role?: 'device';
  /** With the role `device`: the number of partitions of the fleet; undefined: one. */
  partitions?: number;
  /** With the role `device`: how many reports the history of a device keeps; undefined: the default. */
  historyCap?: number;
}

const DEFAULT_URL = 'redis://127.0.0.1:6379';

/**
 * Returns the server of a command line. The contexts file is read only if `--context` is given, or neither an
 * option nor the environment names a server.
 * @throws DevstateError USAGE
 */
export async function resolveTarget(
  globals: Globals,
  env: Env,
  warn: (message: string) => void,
): Promise<ResolvedTarget> {
  const explicitUrl = globals.url ?? (env.DEVSTATE_URL || env.REDIS_URL || undefined);
  const usesContext = globals.context !== undefined || explicitUrl === undefined;
  const context = usesContext ? await contextInUse(globals.context, env, warn) : undefined;
  const { url, protected: isProtected = false, ...saved }: Partial<SavedContext> = context?.saved ?? {};
  const { namespace, dialect, readOnly = false, ca, cert, key, insecure, role } = { ...saved, ...globals };
  const { fleetPartitions: partitions = saved.partitions, fleetHistory: historyCap = saved.historyCap } =
    globals;
  const files: TlsFiles = omitUndefined({ ca, cert, key, insecure });
  const target = parseTarget(
    globals.url ?? url ?? explicitUrl ?? DEFAULT_URL,
    env.REDISCLI_AUTH || undefined,
  );
  checkTls(target, files);
  if (target.options.tls) {
    const { readTls } = await import('./tls-files.js');
    Object.assign(target.options.tls, await readTls(files));
  }
  if (namespace !== undefined) validNamespace(namespace);
  checkRole({ role, partitions, historyCap });
  return {
    target,
    ...omitUndefined({ context: context?.name, namespace, dialect, role, partitions, historyCap }),
    readOnly,
    protected: isProtected,
  };
}

/** Refuses TLS options for a URL without TLS, where they would have no effect. @throws DevstateError USAGE */
export function checkTls({ options }: Target, { ca, cert, key, insecure }: TlsFiles): void {
  if (options.tls || (ca ?? cert ?? key ?? (insecure || undefined)) === undefined) return;
  throw usageError('--ca, --cert, --key and --insecure are for TLS', 'use a rediss:// URL');
}

/**
 * Refuses what a fleet declares itself, except with the role `device`, whose user may not read it.
 * @throws DevstateError USAGE
 */
export function checkRole({
  role,
  partitions,
  historyCap,
}: Record<'role' | 'partitions' | 'historyCap', unknown>): void {
  if (role === undefined && (partitions !== undefined || historyCap !== undefined))
    throw usageError('--fleet-partitions and --fleet-history require --role device');
}

async function contextInUse(requested: string | undefined, env: Env, warn: (message: string) => void) {
  const { contextsPath, readContexts } = await import('./saved-contexts-file.js');
  const { contextNamed } = await import('./saved-contexts.js');
  const all = await readContexts(await contextsPath(env), warn);
  const name = requested ?? all.current;
  return name === undefined ? undefined : { name, saved: contextNamed(all, name) };
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Returns an object without its properties whose value is undefined. */
export function omitUndefined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}
