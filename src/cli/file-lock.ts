/**
 * A lock between processes that change the same file: a file beside it, which only one of them can create. It contains
 * a token of its holder, so that a process that was stopped for long finds out that another took over its lock.
 *
 * A process reads the lock and acts on it in two synchronous calls, with no other work of its own between them. A
 * process that the system stops for seconds between the two calls may still act on an old state.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileProblem, usageError } from '../core/model/errors.js';

/**
 * A lock that keeps the same token for longer than this, ms, was left by a process that died: a lock is held for a few
 * milliseconds. The waiting process measures the time by its monotonic clock.
 */
const STALE_MS = 5000;
/** The longest wait for a lock, ms. */
const MAX_WAIT_MS = 15_000;
/**
 * The longest pause between two attempts, ms. It is random, so that waiting processes do not always try at the same
 * moments.
 */
const MAX_PAUSE_MS = 20;

/** Another process has taken over the lock. */
class LockLost extends Error {}

/**
 * Calls `change` while no other process has the lock of the file.
 * @param change must call `assertHeld` just before it changes the file, and pass on what that throws: `change` is then
 * called again, with a new lock
 * @throws DevstateError USAGE: others had the lock for 15 s, or it cannot be read; Error: it cannot be created
 */
export async function withFileLock<T>(
  path: string,
  change: (assertHeld: () => void) => Promise<T>,
): Promise<T> {
  const lock = `${path}.lock`;
  for (;;) {
    const token = await acquire(lock);
    try {
      return await change(() => {
        if (tokenIn(lock) !== token) throw new LockLost();
      });
    } catch (error) {
      if (!(error instanceof LockLost)) throw error;
    } finally {
      if (tokenIn(lock) === token) rmSync(lock, { force: true });
    }
  }
}

/** Creates the lock once there is none, or a stale one. Returns its token. */
async function acquire(lock: string): Promise<string> {
  const token = randomUUID();
  const start = performance.now();
  let seen: { token: string | undefined; since: number } | undefined;
  while (!create(lock, token)) {
    const found = tokenIn(lock);
    const now = performance.now();
    if (seen?.token !== found) seen = { token: found, since: now };
    else if (seen && found !== undefined && now - seen.since > STALE_MS) removeStale(lock, found);
    if (now - start > MAX_WAIT_MS)
      throw usageError(
        `other processes have had the lock ${lock} for ${MAX_WAIT_MS / 1000} s`,
        'try again when they have ended; if there are none, remove that file',
      );
    await sleep(1 + Math.random() * MAX_PAUSE_MS);
  }
  return token;
}

/** Creates the lock. Returns false if there is one. */
function create(lock: string, token: string): boolean {
  let file: number;
  try {
    file = openSync(lock, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    writeFileSync(file, token);
    return true;
  } catch (error) {
    rmSync(lock, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/**
 * Removes the lock with the token `stale`. It is renamed first, because only one process can rename it. If it has
 * another token then, another process took over the lock meanwhile, so it is put back, unless a third process has
 * created one: then that other process notices that it lost its lock.
 */
function removeStale(lock: string, stale: string): void {
  const removed = `${lock}.${randomUUID()}`;
  try {
    renameSync(lock, removed);
    const token = tokenIn(removed);
    if (token !== undefined && token !== stale) create(lock, token);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    rmSync(removed, { force: true });
  }
}

/** Returns the content of a lock; undefined if there is none. */
function tokenIn(lock: string): string | undefined {
  try {
    return readFileSync(lock, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw usageError(`cannot read the lock ${lock}: ${fileProblem(error)}`, 'remove it');
  }
}
