/**
 * Clocks that are wrong: that of a redis-server, which a test can step while the server runs, and that of a Node
 * process. Monotonic clocks are not shifted: as on a machine whose clock was set.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findLibfaketime } from '../../../scripts/libfaketime.js';
import type { PrivateServer } from '../../../src/redis/private-server.js';

/** In the server's directory; without this file the clock is right. */
const CLOCK_FILE = 'clock-shift';
const PRELOAD = pathToFileURL(join(import.meta.dirname, 'shift-client-clock.mjs')).href;

/** Where libfaketime keeps two files for each process, which stay if the process is killed. */
const SHARED_MEMORY = '/dev/shm';

/**
 * Returns the environment in which a server must be started for `shiftClock` to have an effect.
 * @throws Error: libfaketime is missing
 */
export function shiftableEnv(): NodeJS.ProcessEnv {
  const library = findLibfaketime();
  if (library === undefined)
    throw new Error(
      'libfaketime is missing: `npm test` fetches it, or install it (apt-get install libfaketime)',
    );
  removeLeftovers();
  return {
    ...process.env,
    // Memory is allocated by libc: jemalloc reads the clock while libfaketime allocates, and the two would call each
    // other without end.
    LD_PRELOAD: `${library} libc.so.6`,
    FAKETIME_TIMESTAMP_FILE: CLOCK_FILE,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

/** Sets a server's clock to this machine's clock + `ms`, until the next call. It lasts when the server is restarted. */
export async function shiftClock({ dir }: PrivateServer, ms: number): Promise<void> {
  const next = join(dir, `${CLOCK_FILE}.next`);
  await writeFile(next, `${ms < 0 ? '-' : '+'}${Math.abs(ms) / 1000}`);
  await rename(next, join(dir, CLOCK_FILE)); // the server never reads half a file
}

/** Returns the environment variables with which a Node process runs on a clock that is `ms` fast. */
export function shiftedClient(ms: number): Record<string, string> {
  return { NODE_OPTIONS: `--import=${PRELOAD}`, DEVSTATE_TEST_CLOCK_SHIFT_MS: String(ms) };
}

/** Removes the files of libfaketime whose processes have ended. */
function removeLeftovers(): void {
  if (!existsSync(SHARED_MEMORY)) return;
  for (const name of readdirSync(SHARED_MEMORY)) {
    const pid = /faketime_(?:shm|sem)_(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(SHARED_MEMORY, name), { force: true });
  }
}
