/** Read-only: commands that write are refused before anything is sent; commands that read need no permission to write. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { commands } from '../../src/commands/index.js';
import { heartbeat } from '../../src/core/presence/heartbeats.js';
import { register } from '../../src/core/registry/register.js';
import { setDesired } from '../../src/core/shadow/desired.js';
import { cli } from '../support/cli.js';
import { openFleet, pretendDetector, type SingleFleet, snapshot } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';

const redis = useRedis({ port: true });
const devstate = cli(redis);

const WRITING = [
  'register d1 --type plug',
  'register d2 --type t --ttl 5h',
  'register -f -',
  'heartbeat d1',
  'heartbeat d1 --merge --report a=1',
  'heartbeat d1 --ttl 5h',
  'heartbeat d2 --register --type t',
  'heartbeat d1 --every 1ms --count 1',
  'heartbeat -f -',
  'set-desired d1 a=1',
  'disconnect d1',
  'unregister d1 --yes',
  'unregister d1 d1 --yes',
  'detect',
  'detect --once',
  'init --writers exclusive',
];
const READING = [
  'get d1',
  'get d1 d1 -o wide',
  'get d1 --at 1ms',
  'list --with-state',
  'list --status online --type t',
  'list-online --sort expires',
  'stale --older-than 1ms',
  'stats --by type',
  'delta d1',
  'history d1 --diff',
  'watch-presence --since 1h --for 1ms',
];

let fleet: SingleFleet;
let folder: string;
let config: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'devstate-'));
  config = join(folder, 'config.toml');
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  fleet = await openFleet(redis);
  await register(fleet, 'd1', 't');
  await heartbeat(fleet, { id: 'd1', reportedJson: '{"a":1}' });
  await setDesired(fleet, 'd1', { a: true });
  await pretendDetector(fleet);
  const contexts = { here: redis.url, nowhere: 'redis://127.0.0.1:1' };
  const tables = Object.entries(contexts).map(
    ([name, url]) => `[contexts.${name}]\nurl = "${url}"\nreadOnly = true\n`,
  );
  writeFileSync(config, tables.join(''), { mode: 0o600 });
});

test('every command is listed as writing or reading', () => {
  const others = ['acl', 'context', 'demo', 'completion'];
  const names = (lines: readonly string[]) => [...new Set(lines.map((line) => line.split(' ', 1)[0]))].sort();
  const writers = commands.filter(({ writes }) => writes).map(({ name }) => name);
  expect(names(WRITING)).toEqual(writers.sort());
  expect([...names(READING), ...names(WRITING), ...others].sort()).toEqual(
    commands.map(({ name }) => name).sort(),
  );
});

describe.each([
  '--read-only',
  '--context here',
  '--context nowhere',
  '--read-only --url redis://127.0.0.1:1',
])('%s refuses writes', (options) => {
  test.each(WRITING)('%s', async (argv) => {
    const before = await snapshot(fleet.redis);
    const run = await devstate.run(`${options} ${argv}`, {
      stdin: '{"deviceId":"d1","deviceType":"plug"}\n',
      env: { DEVSTATE_CONFIG: config },
    });
    expect(run).toEqual({
      exit: 2,
      stdout: '',
      stderr: `devstate: ${argv.split(' ', 1)[0]} refused: read-only\nhint: leave out --read-only, or name a context that may write\n`,
    });
    expect(await snapshot(fleet.redis)).toEqual(before);
  });
});

describe('writes that depend on an option', () => {
  test.each<[argv: string, said: RegExp]>([
    ['watch-presence --detect', /^devstate: .* refused: read-only\nhint: leave out --read-only/m],
    ['demo --url URL', /^devstate: the demo writes\nhint: leave out --read-only/],
  ])('are refused: %s', async (argv, said) => {
    const before = await snapshot(fleet.redis);
    const run = await devstate.run(`--read-only ${argv.replace('URL', redis.url)}`);
    expect(run.exit).toBe(2);
    expect(run.stderr).toMatch(said);
    expect(await snapshot(fleet.redis)).toEqual(before);
  });
});

describe.each(['--read-only', '--context here'])('%s allows reads', (options) => {
  test.each(READING)('%s', async (argv) => {
    const before = await snapshot(fleet.redis);
    const { exit, stderr } = await devstate.run(`${options} ${argv} -q`, {
      env: { DEVSTATE_CONFIG: config },
    });
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(await snapshot(fleet.redis)).toEqual(before);
  });
});

describe('a Redis user with permission to read, to call TIME and to subscribe', () => {
  test.each(READING)('%s', async (argv) => {
    const rules = ['reset', 'on', '>pw', '+@read', '+time', '+subscribe', '~*', '&devices:presence'];
    await fleet.redis.call('ACL', 'SETUSER', 'reader', ...rules);
    await fleet.redis.call('ACL', 'LOG', 'RESET');
    const url = redis.url.replace('//', '//reader:pw@');
    const { exit, stderr } = await devstate.run(`${argv} -q --url ${url}`);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    // No denied command is sent, except PING: any reply to it shows that the server is there.
    const denied = (await fleet.redis.call('ACL', 'LOG')) as string[][];
    expect(denied.map((entry) => entry[entry.indexOf('object') + 1])).toEqual(denied.map(() => 'ping'));
  });
});
