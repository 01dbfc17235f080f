/**
 * On a managed server, administrative commands (CONFIG, ACL, KEYS, …) are denied: every devstate command works
 * and sends none of them. The exception is the keyspace strategy, which tries CONFIG and prints a notice.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { commands } from '../../../src/commands/index.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { cli } from '../../support/cli.js';
import { cut, openFleet, pretendDetector, type SingleFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
const DENIED_COMMANDS = 'config slowlog client keys script acl debug monitor'.split(' ');

const COMMAND_LINES = [
  'register d3 --type t --meta a=1 --ttl 5h',
  'register -f - --type t',
  'heartbeat d1 --report a=1 --merge --ttl 2h',
  'heartbeat d4 --register --type t',
  'heartbeat d1 --every 1ms --count 2',
  'get d1 d2',
  'get d1 --at 1ms',
  'list --with-state --sort last-seen',
  'stats --by type',
  'history d1 --diff',
  'unregister d1 --yes',
  'list-online --sort expires',
  'stale --older-than 1ms',
  'watch-presence --since 1h --for 10ms',
  'watch-presence --detect --for 10ms',
  'detect --once',
  'disconnect d1',
  'set-desired d1 a=1',
  'delta d1',
  'init --writers exclusive',
  'acl viewer',
  'demo --url URL',
];
/** Commands without a line above: they send nothing to Redis, or are tested below because they run until stopped. */
const UNTESTED = ['completion', 'context', 'detect'];

let admin: SingleFleet;
let url: string;
beforeEach(async () => {
  admin = await openFleet(redis);
  for (const id of ['d1', 'd2']) await register(admin, id, 't');
  await heartbeats(admin, [{ id: 'd1' }, { id: 'd2' }]);
  await cut(admin, 'd2');
  await pretendDetector(admin);
  const denied = DENIED_COMMANDS.map((name) => `-${name}`);
  await admin.redis.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', '~*', '&*', '+@all', ...denied);
  await admin.redis.call('ACL', 'LOG', 'RESET');
  url = redis.url.replace('//', '//app:pw@');
});

/** The commands that were sent and that Redis refused. */
async function refusedCommands(): Promise<string[]> {
  const entries = (await admin.redis.call('ACL', 'LOG')) as string[][];
  return entries.map((entry) => entry[entry.indexOf('object') + 1] as string);
}

test('every command is in the table or listed as untested', () => {
  const tested = COMMAND_LINES.map((argv) => argv.split(' ', 1)[0]);
  expect([...new Set([...tested, ...UNTESTED])].sort()).toEqual(commands.map(({ name }) => name).sort());
});

test.each(COMMAND_LINES)('%s: works without a denied command', async (argv) => {
  await admin.redis.script('FLUSH');
  const stdin = '{"deviceId":"d3"}\n';
  const { exit, stderr } = await cli(url).run(`${argv.replace('URL', url)} -q`, { stdin });
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  expect(await refusedCommands()).toEqual([]);
});

describe('a running detector', () => {
  test.each([
    ['deadline', [], []],
    ['poll', [], []],
    [
      'keyspace',
      ['config|get'],
      [
        'keyspace events are not available (permission refused: this user may not send CONFIG GET); using deadlines only',
      ],
    ],
  ])('works with the %s strategy', async (strategy, denied, notices) => {
    const running = cli(url).start(`detect --strategy ${strategy} -o ndjson`);
    await running.lines('stdout', 1);
    const { exit, stdout, stderr } = await running.stop();
    expect(JSON.parse(stdout)).toMatchObject({ deviceId: 'd2', status: 'offline', reason: 'timeout' });
    expect([exit, stderr.split('\n').filter((line) => line.includes('keyspace events'))]).toEqual([
      0,
      notices,
    ]);
    expect(await refusedCommands()).toEqual(denied);
  });
});
