/**
 * `npm run test:servers -- PATH…`: runs the contract and ACL suites on each given server (the path of a redis-server, a
 * valkey-server or a script that starts one); without a path, on those that set-up fetches. Tests for what a server's
 * version lacks are skipped, and the closing lines say how many for which reason.
 */
import { resolve } from 'node:path';
import { runRound } from './rounds.js';
import { setupServers } from './servers.js';
import { setupDependencies } from './setup.js';
import { run, StageError, stages } from './stage.js';

const SUITES = [
  'contract/on-one-server',
  'contract/on-partitions',
  'contract/on-sentinel',
  'contract/on-cluster',
  'contract/admin',
  'contract/detection',
  'contract/presence',
  'contract/pubsub',
  'contract/registry',
  'contract/store/out-of-memory',
  'contract/store/permission-errors',
  'contract/store/script-permissions',
  'contract/store/server-states',
];
/** The suites that `npm test` runs: those of what differs most between servers, in a few seconds. */
const SHORT = [
  'contract/on-one-server',
  'contract/store/out-of-memory',
  'contract/store/permission-errors',
  'contract/store/script-permissions',
];

/** Runs the suites on each server. @throws StageError: a test failed on one */
export function testServers(paths, { isShort = false } = {}) {
  const failed = paths.filter((path) => {
    const version = /(\w+) server v=(\S+)/i.exec(run(path, ['--version']));
    const name = version ? `${version[1]} ${version[2]}` : path;
    return !runRound(name, isShort ? SHORT : SUITES, { env: { DEVSTATE_REDIS_SERVER: path } });
  });
  if (failed.length > 0) throw new StageError(`tests failed on ${failed.join(', ')}`);
}

if (process.argv[1] === import.meta.filename)
  await stages(() => {
    setupDependencies();
    const paths = process.argv.slice(2).map((path) => resolve(path));
    testServers(paths.length > 0 ? paths : setupServers());
  });
