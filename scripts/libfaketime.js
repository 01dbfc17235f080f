/**
 * Finds libfaketime, a library that shifts the clock of the program into which it is loaded. The tests load it into
 * redis-server (test/support/faults/shifted-clock.ts).
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './stage.js';

const NAME = 'faketime/libfaketimeMT.so.1';
/** The library folders of the system, and of the packages that scripts/test-tools.js unpacks. */
const FOLDERS = ['/usr/lib', '/usr/lib64', join(root, '.cache/debian/usr/lib')];

/** Returns the path of the library; undefined: it is not installed, and was not fetched into .cache/. */
export function findLibfaketime() {
  return FOLDERS.filter(existsSync)
    .flatMap((folder) => [folder, ...linuxFolders(folder)])
    .map((folder) => join(folder, NAME))
    .find(existsSync);
}

/** The folders of Debian's architectures: `x86_64-linux-gnu`. */
function linuxFolders(folder) {
  return readdirSync(folder)
    .filter((name) => name.includes('-linux-gnu'))
    .map((name) => join(folder, name));
}
