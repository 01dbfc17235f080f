/**
 * The programs and the library that tests use beside Node and redis-server. One that is not on the PATH is fetched from
 * Debian's packages into .cache/ (git-ignored): nothing is installed on the machine, and root is not needed.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fetchPackages, fetchProblem } from './debian-packages.js';
import { findLibfaketime } from './libfaketime.js';
import { announce, root, StageError, starts } from './stage.js';

/**
 * `required`: no test is run without the program. Without the others, tests pass but check less, or `without` says what
 * happens. `probe`: arguments with which every implementation of the program exits with 0. `isInstalled`: in place of
 * a probe, for a library.
 */
const TOOLS = [
  { program: 'bash', debianPackage: 'bash', required: true },
  { program: 'tar', debianPackage: 'tar', required: true },
  { program: 'ps', debianPackage: 'procps', required: true, probe: ['-o', 'rss=', '-p', `${process.pid}`] },
  { program: 'openssl', debianPackage: 'openssl', required: true, probe: ['version'] },
  { program: 'zsh', debianPackage: 'zsh' },
  { program: 'fish', debianPackage: 'fish' },
  { program: 'jq', debianPackage: 'jq' },
  {
    program: 'libfaketime',
    debianPackage: 'libfaketime',
    isInstalled: () => findLibfaketime() !== undefined,
    without: "the tests that shift a server's clock fail",
  },
];

const cache = join(root, '.cache');
/** One wrapper script for each fetched program. */
const binFolder = join(cache, 'bin');
/** The unpacked packages: `.cache/debian/usr/bin/fish`. */
const unpacked = join(cache, 'debian');

/** Puts .cache/bin at the end of this process's PATH, which the tests inherit, and fetches what is missing. */
export function setupTestTools() {
  process.env.PATH = `${process.env.PATH}${delimiter}${binFolder}`;
  const missing = TOOLS.filter((tool) => !isInstalled(tool));
  if (missing.length === 0) return;
  const reason = fetchTools(missing);
  const stillMissing = missing.filter((tool) => !isInstalled(tool));
  if (stillMissing.length === 0) return;
  const names = stillMissing.map(({ program }) => program).join(', ');
  const message = `not found, and could not be fetched: ${names} (${reason})`;
  if (stillMissing.some(({ required }) => required)) throw new StageError(`${message}: install them`);
  const effects = stillMissing.map(({ without = 'the tests that use them check less' }) => without);
  console.log(`  ${message}: ${[...new Set(effects)].join('; ')}`);
}

function isInstalled({ program, probe = ['--version'], isInstalled: check = () => starts(program, probe) }) {
  return check();
}

/** Returns the reason to give for those programs that are still missing afterwards. */
function fetchTools(tools) {
  announce(`fetching ${tools.map(({ program }) => program).join(', ')} into .cache`);
  try {
    const debianPackages = tools.map(({ debianPackage }) => debianPackage);
    fetchPackages(debianPackages, { folder: unpacked, work: join(cache, 'apt') });
    mkdirSync(binFolder, { recursive: true });
    for (const { program } of tools) writeWrapper(program);
    return 'they do not start';
  } catch (error) {
    return fetchProblem(error);
  }
}

/** The wrapper lets the program find the libraries and the settings that were unpacked beside it. */
function writeWrapper(program) {
  const path = ['usr/bin', 'bin'].map((folder) => `${folder}/${program}`).find(isUnpacked);
  if (path === undefined) return;
  const libraries = ['usr/lib', 'lib']
    .filter(isUnpacked)
    .flatMap((folder) => readdirSync(join(unpacked, folder)).map((name) => `${folder}/${name}`))
    .filter((folder) => folder.includes('-linux-gnu'))
    .map((folder) => `$packages/${folder}`);
  const wrapper = join(binFolder, program);
  writeFileSync(
    wrapper,
    `#!/bin/sh
packages="\${0%/*}/../debian"
export LD_LIBRARY_PATH="${libraries.join(':')}"
export OPENSSL_CONF="$packages/etc/ssl/openssl.cnf"
exec "$packages/${path}" "$@"
`,
  );
  chmodSync(wrapper, 0o755);
}

function isUnpacked(path) {
  return existsSync(join(unpacked, path));
}
