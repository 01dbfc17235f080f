/**
 * Sets up a fresh clone: installs the npm dependencies and a redis-server, if they are missing.
 * This file must import only what comes with Node, because it runs before the dependencies are there.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { announce, root, run, StageError, starts } from './stage.js';

export function setup() {
  setupDependencies();
  if (!starts(process.env.DEVSTATE_REDIS_SERVER || 'redis-server')) installRedis();
}

export function setupDependencies() {
  if (dependenciesAreCurrent()) return;
  announce('installing dependencies');
  // `npm ci` fails if the lock file lacks the optional binaries of this platform. `npm install --no-save`
  // does not; it installs the locked versions too and does not write the lock file. `--include=dev`,
  // because with NODE_ENV=production npm would leave out what building and testing need.
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--include=dev']);
}

/**
 * Compares package-lock.json with node_modules/.package-lock.json, in which npm records what it installed.
 * Optional packages may be missing: they hold the binaries of other platforms. Without that record another package
 * manager, such as pnpm, may have installed the dependencies. They are then left as they are: npm would mix its layout
 * of node_modules with the other one.
 * @param folder the folder of package.json
 */
export function dependenciesAreCurrent(folder = root) {
  const record = join(folder, 'node_modules', '.package-lock.json');
  const json = (file) => JSON.parse(readFileSync(file, 'utf8'));
  if (!existsSync(record)) {
    const { dependencies, devDependencies } = json(join(folder, 'package.json'));
    return Object.keys({ ...dependencies, ...devDependencies }).every((name) =>
      existsSync(join(folder, 'node_modules', name, 'package.json')),
    );
  }
  const packages = (file) => json(file).packages;
  const installed = packages(record);
  return Object.entries(packages(join(folder, 'package-lock.json')))
    .filter(([path]) => path !== '')
    .every(([path, { version, optional }]) =>
      installed[path] ? installed[path].version === version : optional === true,
    );
}

function installRedis() {
  if (process.env.DEVSTATE_REDIS_SERVER) {
    throw new StageError(
      `DEVSTATE_REDIS_SERVER names ${process.env.DEVSTATE_REDIS_SERVER}, which does not run`,
    );
  }
  if (process.getuid?.() === 0 && starts('apt-get')) {
    announce('installing redis-server on this machine, with apt-get');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    withoutServices(() => {
      run('apt-get', ['update'], { env });
      run('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { env });
    });
  } else if (starts('brew')) {
    announce('installing redis on this machine, with Homebrew');
    run('brew', ['install', 'redis']);
  }
  if (!starts('redis-server')) {
    throw new StageError(
      'no redis-server found: install it (as root: apt-get install redis-server; brew install redis) ' +
        'or name one in DEVSTATE_REDIS_SERVER',
    );
  }
}

/**
 * Runs the installation under a policy by which Debian's packages do not start their services. Otherwise
 * a redis-server would run on port 6379 from then on.
 */
function withoutServices(install) {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return install();
  // Ctrl-C ends apt-get, and `run` then throws. This process must not end before the policy is removed.
  const ignoreInterrupt = () => {};
  process.on('SIGINT', ignoreInterrupt);
  try {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    install();
  } finally {
    rmSync(policy, { force: true });
    process.off('SIGINT', ignoreInterrupt);
  }
}
