/** Where a command line works, and how it may: by its options, else the environment, else a context. */
import type { Globals } from '../commands/shared/global-options.js';
import { usageError } from '../core/model/errors.js';
import { parseTarget, type Target } from '../redis/target-url.js';
import { readTls, type TlsFiles } from '../redis/tls.js';
import type { Settings } from './contexts-file.js';
import type { Env } from './invocation.js';

export interface ResolvedTarget {
  target: Target;
  /** The context in use. */
  context?: string;
  namespace?: string;
  dialect?: 'node' | 'python';
  readOnly: boolean;
  /** Writes in bulk are asked for first. */
  protected: boolean;
}

const DEFAULT_URL = 'redis://127.0.0.1:6379';

/** The context file is looked at only where nothing else names a server. @throws DevstateError USAGE */
export async function resolveTarget(
  globals: Globals,
  env: Env,
  warn: (message: string) => void,
): Promise<ResolvedTarget> {
  const named = globals.url ?? (env.DEVSTATE_URL || env.REDIS_URL || undefined);
  const asked = globals.context;
  const context =
    asked !== undefined || named === undefined ? await contextInUse(asked, env, warn) : undefined;
  const { url, protected: guarded = false, ...settings }: Partial<Settings> = context?.settings ?? {};
  const { namespace, dialect, readOnly = false, ca, cert, key, insecure } = { ...settings, ...globals };
  const files: TlsFiles = omitUndefined({ ca, cert, key, insecure: insecure || undefined });
  const tls = Object.keys(files).length > 0 ? await readTls(files) : undefined;
  return {
    target: parseTarget(globals.url ?? url ?? named ?? DEFAULT_URL, {
      password: env.REDISCLI_AUTH || undefined,
      tls,
    }),
    ...omitUndefined({
      context: context?.name,
      namespace: namespace === undefined ? undefined : namespaceOf(namespace),
      dialect,
    }),
    readOnly,
    protected: guarded,
  };
}

export function namespaceOf(name: string): string {
  if (!/^[^\s{}\p{Cc}]+$/u.test(name) || name.endsWith(':')) {
    throw usageError('a namespace has no white space, braces or control characters, and no colon at its end');
  }
  return name;
}

async function contextInUse(asked: string | undefined, env: Env, warn: (message: string) => void) {
  const { contextNamed, contextsPath, readContexts } = await import('./contexts-file.js');
  const all = await readContexts(await contextsPath(env), warn);
  const name = asked ?? all.current;
  return name === undefined ? undefined : { name, settings: contextNamed(all, name) };
}

type Given<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without what is undefined. */
export function omitUndefined<T extends object>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>;
}
