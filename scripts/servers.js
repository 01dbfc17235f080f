/**
 * Servers of other versions than the machine's, on which the tests run too: Redis 8 and Valkey 8 of a later release of
 * Debian. They are unpacked in .cache/, and a wrapper script starts each with the libraries of that release.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchPackages, fetchProblem } from './debian-packages.js';
import { announce, root, starts } from './stage.js';

/** Debian 13, which has Redis 8.0 and Valkey 8.1. */
const SUITE = 'trixie';
const PROGRAMS = ['redis-server', 'valkey-server'];
const folder = join(root, '.cache', SUITE);

/**
 * Fetches the servers that are not there yet. Returns the paths of those that start, and prints which could not be
 * fetched.
 */
export function setupServers() {
  const missing = PROGRAMS.filter((program) => !starts(wrapperOf(program)));
  const problem = missing.length > 0 ? fetchServers(missing) : undefined;
  const [found, lost] = [[], []];
  for (const program of PROGRAMS) (starts(wrapperOf(program)) ? found : lost).push(program);
  if (lost.length > 0)
    console.log(
      `  could not be fetched: ${lost.join(', ')} of Debian ${SUITE} (${problem}): not tested on them`,
    );
  return found.map(wrapperOf);
}

function wrapperOf(program) {
  return join(folder, program);
}

/** Returns the reason to give for those that do not start afterwards. */
function fetchServers(programs) {
  announce(`fetching ${programs.join(', ')} of Debian ${SUITE} into .cache`);
  try {
    const also = /^(redis|valkey)-tools$/; // they hold the program, to which redis-server is a link
    fetchPackages(programs, { folder: join(folder, 'root'), work: join(folder, 'apt'), suite: SUITE, also });
    for (const program of programs) writeWrapper(program);
    return 'they do not start';
  } catch (error) {
    return fetchProblem(error);
  }
}

/** The programs are started by the loader of their own release: that of the machine may be too old for them. */
function writeWrapper(program) {
  writeFileSync(
    wrapperOf(program),
    `#!/bin/sh
root="\${0%/*}/root"
for loader in "$root"/usr/lib/*-linux-gnu/ld-linux-*; do break; done
exec "$loader" --library-path "\${loader%/*}" "$root/usr/bin/${program}" "$@"
`,
    { mode: 0o755 },
  );
}
