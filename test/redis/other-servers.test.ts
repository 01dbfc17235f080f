/**
 * Versions of servers that no test starts: recorded replies of Redis 6.0, 6.2.0, 7.2 and 8.6, from a fake server that
 * passes all other commands on to the real one.
 */
import { createHash } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { declareFleet } from '../../src/core/admin/declare-fleet.js';
import { heartbeat } from '../../src/core/presence/heartbeats.js';
import { register } from '../../src/core/registry/register.js';
import { HEARTBEAT } from '../../src/core/store/scripts.js';
import { cli } from '../support/cli.js';
import { useFakeServer } from '../support/faults/fake-server.js';
import { openFleet } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';

const redis = useRedis();
beforeEach(async () => {
  const fleet = await openFleet(redis);
  await declareFleet(fleet);
  await register(fleet, 'd1', 't');
});

/** What the second argument of EVALSHA or EVAL is, if it runs the script that announces a heartbeat. */
const HEARTBEAT_NAMES: (string | undefined)[] = [
  createHash('sha1').update(HEARTBEAT.source).digest('hex'),
  HEARTBEAT.source,
];
const lineOf = (command: string) =>
  HEARTBEAT.source.split('\n').findIndex((line) => line.includes(`call('${command}'`)) + 1;
const of620 = (line: number) =>
  `ERR Error running script (call to f_1f): @user_script:${line}: @user_script: ${line}: The user executing the script is lacking the permissions for the command `;

test.each([
  ['6.2.0', 'XADD', of620(lineOf('XADD')), 'send XADD, as heartbeat does'],
  ['6.2.0', 'PUBLISH', of620(lineOf('PUBLISH')), 'publish to devices:presence'],
  [
    '7.2',
    'XADD',
    `user_script:${lineOf('XADD')}: ERR ACL failure in script: User app has no permissions to run the 'xadd' command`,
    'send XADD, as heartbeat does',
  ],
  [
    '7.2',
    'PUBLISH',
    `user_script:${lineOf('PUBLISH')}: ERR ACL failure in script: No permissions to access a channel`,
    'publish to devices:presence',
  ],
])('Redis %s: a script that is denied %s ends with exit 5', async (_version, _command, reply, denied) => {
  const server = await useFakeServer({ forwardTo: redis.url });
  server.answer = ([, script]) => (HEARTBEAT_NAMES.includes(script) ? `-${reply}\r\n` : undefined);
  const { exit, stderr } = await cli(server.url).run('heartbeat d1 --report a=1 -q');
  expect({ exit, stderr }).toEqual({
    exit: 5,
    stderr: `devstate: ${server.url}: permission refused: this user may not ${denied}\n`,
  });
});

test.each([
  ['heartbeat d1', 'EVAL', 'ERR syntax error'],
  ['unregister d1 --yes', 'SMISMEMBER', 'ERR unknown command `smismember`'],
])('Redis 6.0: %s says which version is needed', async (argv, command, reply) => {
  const server = await useFakeServer({ forwardTo: redis.url });
  server.answer = ([name]) => (name?.startsWith(command) ? `-${reply}\r\n` : undefined);
  const { exit, stderr } = await cli(server.url).run(`${argv} -q`);
  expect(exit).toBe(1);
  expect(stderr).toBe(
    `devstate: the server does not know a command that devstate sends (${reply}); devstate needs Redis 6.2 or later\n`,
  );
});

test('Redis 8.6 at maxmemory refuses SUBSCRIBE: detect and watch-presence go on, and subscribe later', async () => {
  const fleet = await openFleet(redis);
  const server = await useFakeServer({ forwardTo: redis.url });
  let isFull = true;
  server.answer = ([name]) =>
    isFull && name === 'SUBSCRIBE'
      ? "-OOM command not allowed when used memory > 'maxmemory'.\r\n"
      : undefined;
  const devstate = cli(server.url);
  const running = [devstate.start('detect -o ndjson'), devstate.start('watch-presence -o ndjson')];
  await running[0]?.says('stderr', 'detecting');
  await running[1]?.says('stderr', 'watching');
  await heartbeat(fleet, { id: 'd1', ttl: 100 });
  await running[0]?.lines('stdout', 1);
  await running[1]?.lines('stdout', 2);
  isFull = false;
  for (const each of running) await each.says('stderr', 'reconnected');
  const told = await Promise.all(running.map((each) => each.stop()));
  for (const { exit, stderr } of told) {
    expect(exit).toBe(0);
    const notice =
      'the server is out of memory and refuses to subscribe, going on without messages; retrying\n';
    expect(stderr.split(notice)).toHaveLength(2);
  }
});
