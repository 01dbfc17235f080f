/**
 * Fetches Debian packages with apt-get and unpacks them into a folder: nothing is installed on the machine, and root is
 * not needed. Packages must be signed with the keys that apt uses on this machine.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, StageError, starts } from './stage.js';

/** The keys of Debian's releases, in the package debian-archive-keyring. */
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * Downloads packages, with those of their dependencies that are needed, and unpacks them.
 * @param folder where they are unpacked: `usr/bin/fish`
 * @param work a folder for lists and downloads, which is removed
 * @param suite the release of Debian to take them from. Their dependencies are then unpacked too, whether or not the
 *   machine has them: libraries (packages named `lib…`, and `zlib1g`) and the packages whose name `also` matches. Default:
 *   the releases of this machine, with the dependencies that it lacks
 * @throws StageError, or an error of the file system
 */
export function fetchPackages(names, { folder, work, suite, also = /^$/ }) {
  if (!starts('apt-get') || !starts('dpkg')) throw new StageError('this system has no apt-get');
  rmSync(work, { recursive: true, force: true }); // of a run that was interrupted
  const downloads = join(work, 'downloads');
  for (const each of [folder, downloads, join(work, 'lists', 'partial')])
    mkdirSync(each, { recursive: true });
  const options = [...privateState(work), ...(suite ? onlySuite(suite, work) : [])];
  run('apt-get', [...options, 'update', ...(suite ? ['--error-on=any'] : [])]);
  const simulation = ['--simulate', '--no-install-recommends', '--reinstall', 'install'];
  const plan = run('apt-get', [...options, ...simulation, ...names]);
  const needed = [...plan.matchAll(/^Inst (\S+)/gm)]
    .map(([, name]) => name)
    .filter((name) => !suite || names.includes(name) || /^(lib|zlib1g)/.test(name) || also.test(name));
  run('apt-get', [...options, 'download', ...needed], { cwd: downloads });
  for (const file of readdirSync(downloads)) run('dpkg', ['-x', join(downloads, file), folder]);
  rmSync(work, { recursive: true });
}

/** Returns in one line why packages could not be fetched. Throws the error if it is of another kind. */
export function fetchProblem(error) {
  // A file system error: the folder may belong to another user.
  if (!(error instanceof StageError) && error.code === undefined) throw error;
  const lines = error.message.split('\n');
  return lines.find((line) => line.startsWith('E: ')) ?? lines.at(-1);
}

/** Options for package lists in `work`, so that neither root nor an earlier `apt-get update` is needed. */
function privateState(work) {
  return optionsOf({
    'Dir::State::lists': join(work, 'lists'),
    'Dir::Cache': join(work, 'cache'),
    'Acquire::http::Timeout': '15',
    'Acquire::https::Timeout': '15',
  });
}

/**
 * Options for packages of this release alone, from the mirror of this machine's own release, as if no package were
 * installed.
 */
function onlySuite(suite, work) {
  if (!existsSync(KEYS)) throw new StageError(`this system has no ${KEYS}`);
  const [source, status] = [join(work, 'sources.list'), join(work, 'status')];
  writeFileSync(source, `deb [signed-by=${KEYS}] ${mirror()} ${suite} main\n`);
  writeFileSync(status, '');
  return optionsOf({
    'Dir::Etc::sourcelist': source,
    'Dir::Etc::sourceparts': '-',
    'Dir::State::status': status,
    'Acquire::AllowInsecureRepositories': 'false',
    'APT::Get::AllowUnauthenticated': 'false',
  });
}

/** Returns the address from which this machine gets the packages of its own release of Debian. */
function mirror() {
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  const targets = run('apt-get', ['indextargets', '--format', '$(REPO_URI) $(RELEASE) $(COMPONENT)']);
  const own = targets.split('\n').find((line) => line.endsWith(`/debian/ ${codename} main`));
  if (own === undefined) throw new StageError('the sources of apt name no mirror of Debian');
  return own.split(' ', 1)[0];
}

function optionsOf(values) {
  return Object.entries(values).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}
