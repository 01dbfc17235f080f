/** A lock between processes that change the same file: a file beside it, which only one of them can create. */
import { randomUUID } from 'node:crypto';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** A lock older than this is taken to be left by a process that died, ms. A lock is held for a few milliseconds. */
const STALE_MS = 5000;
/** The longest wait for a lock, ms. */
const MAX_WAIT_MS = 15_000;
/** The longest pause between two attempts, ms. It is random, so that processes do not stay in step. */
const MAX_PAUSE_MS = 20;

/**
 * Calls `change` while no other process has the lock of the file.
 * @throws Error: the lock cannot be created, or others had it for 15 s
 */
export async function withFileLock<T>(path: string, change: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const deadline = performance.now() + MAX_WAIT_MS;
  while (!(await create(lock))) {
    if (performance.now() > deadline) throw new Error(`another process holds ${lock}`);
    await removeStale(lock);
    await sleep(1 + Math.random() * MAX_PAUSE_MS);
  }
  try {
    return await change();
  } finally {
    await rm(lock, { force: true });
  }
}

/** Creates the lock. Returns false if it exists. */
async function create(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes a lock that is too old to be held. It is renamed first, because only one process can rename it; if it turns
 * out to be a new lock of a process that was faster, it is put back.
 */
async function removeStale(lock: string): Promise<void> {
  const found = await stat(lock).catch(ifMissing);
  if (found === undefined || Date.now() - found.mtimeMs < STALE_MS) return;
  const removed = `${lock}.${randomUUID()}`;
  await rename(lock, removed).catch(ifMissing);
  const renamed = await stat(removed).catch(ifMissing);
  if (renamed && renamed.ino !== found.ino) await link(removed, lock);
  await rm(removed, { force: true });
}

/** For `catch`: another process has removed the file. */
function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
