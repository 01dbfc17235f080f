/**
 * What a fresh clone lacks: the dependencies and a redis-server. Installs what is missing,
 * leaves what is there. Nothing may be imported here that is itself installed here.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, StageError } from './stage.js';

export function setup({ announce }) {
  if (!dependenciesAreCurrent()) {
    announce('installing dependencies');
    // Not `npm ci`: it refuses a lock file that was made where binaries for other platforms could not
    // be had. This keeps to the lock file too, and leaves it as it is. Building and testing need the
    // dev dependencies, whatever NODE_ENV says.
    run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--include=dev']);
  }
  if (!starts(process.env.DEVSTATE_REDIS_SERVER || 'redis-server')) installRedis(announce);
}

/**
 * Whether node_modules holds what package-lock.json asks for, by npm's own account of it.
 * Optional packages may be absent: they are for other platforms.
 */
function dependenciesAreCurrent() {
  const account = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(account)) return false;
  const packages = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
  const installed = packages(account);
  return Object.entries(packages(join(root, 'package-lock.json')))
    .filter(([path]) => path !== '')
    .every(([path, { version, optional }]) =>
      installed[path] ? installed[path].version === version : optional === true,
    );
}

function starts(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

function installRedis(announce) {
  if (process.env.DEVSTATE_REDIS_SERVER) {
    throw new StageError(
      `DEVSTATE_REDIS_SERVER names ${process.env.DEVSTATE_REDIS_SERVER}, which does not run`,
    );
  }
  if (process.getuid?.() === 0 && starts('apt-get')) {
    announce('installing redis-server with apt-get');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    withoutServices(() => {
      run('apt-get', ['update'], { env });
      run('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { env });
    });
  } else if (starts('brew')) {
    announce('installing redis with Homebrew');
    run('brew', ['install', 'redis']);
  }
  if (!starts('redis-server')) {
    throw new StageError(
      'no redis-server found: install it (as root: apt-get install redis-server; brew install redis) ' +
        'or name one in DEVSTATE_REDIS_SERVER',
    );
  }
}

/** Debian's packages start their services when installed, unless a policy says not to. */
function withoutServices(install) {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return install();
  // An interrupt ends the installer, which then ends us: the policy must not stay behind.
  const wait = () => {};
  process.on('SIGINT', wait);
  try {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    install();
  } finally {
    rmSync(policy, { force: true });
    process.off('SIGINT', wait);
  }
}
