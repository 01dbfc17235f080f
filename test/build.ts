/** Builds dist/ once for all tests that run the built programs, if src/ has changed since it was built. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Vitest calls it before the first test of a project that names this file as its `globalSetup`. */
export function setup(): void {
  const built = modificationTimes('dist');
  if (built.length > 0 && Math.min(...built) >= Math.max(...modificationTimes('src'))) return;
  execFileSync('npm', ['run', 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** When each file below a folder was last changed, ms. */
function modificationTimes(folder: string): number[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(root, folder, name)))
    .filter((stat) => stat.isFile())
    .map(({ mtimeMs }) => mtimeMs);
}
