/** What the built program does when its output cannot be written. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { disconnect } from '../../src/core/presence/disconnect.js';
import { heartbeat } from '../../src/core/presence/heartbeats.js';
import { register, registerAll } from '../../src/core/registry/register.js';
import { setDesired } from '../../src/core/shadow/desired.js';
import { openFleet, pretendDetector, type SingleFleet, until } from '../support/fleet.js';
import { FILE_TOO_LARGE, FULL, startOnFullDisk } from '../support/full-disk.js';
import { useRedis } from '../support/redis.js';
import { bin, finished, shell } from './bin-process.js';

const redis = useRedis();
const folder = mkdtempSync(join(tmpdir(), 'devstate-full-disk-'));
afterAll(() => rmSync(folder, { recursive: true }));

let fleet: SingleFleet;
let files = 0;
beforeEach(async () => {
  fleet = await openFleet(redis);
  await pretendDetector(fleet);
  await register(fleet, 'a', 'lamp');
});
const run = (script: string) =>
  shell(script, { DEVSTATE_URL: redis.url, DEVSTATE_CONFIG: join(folder, 'contexts') });

/** Starts a command whose stdout may hold `kib` KiB. */
function start(argv: string, kib = 0) {
  files += 1;
  const { PATH } = process.env;
  const disk = startOnFullDisk([process.execPath, bin, ...argv.split(' ')], {
    path: join(folder, `out-${files}`),
    kib,
    env: { PATH, DEVSTATE_URL: redis.url },
  });
  const end = finished(disk.child);
  let said = '';
  disk.child.stderr?.on('data', (text) => {
    said += text;
  });
  return { ...disk, end, said: () => said };
}

describe('a full disk is told in one line', () => {
  test.each([
    '--version',
    '-V',
    '--help',
    'help',
    'help get',
    'get --help',
    'completion bash',
    'acl detector -q',
    'context list --json -q',
    'list',
    'list -o csv',
    'get a',
    'get a a',
    'delta a',
    'history a',
    'stats',
    'register a --type lamp',
    'heartbeat a',
    'set-desired a x=1',
    'disconnect a',
    'unregister a --yes',
    'detect --once --no-hold -q',
    'demo',
  ])('%s', async (argv) => {
    await heartbeat(fleet, { id: 'a', ttl: argv.startsWith('detect') ? 1 : 600_000 });
    await setDesired(fleet, 'a', { x: 0 } as never);
    await run(`devstate context set one --url ${redis.url}`);
    const { exit, stderr } = await run(`devstate ${argv} >/dev/full`);
    const expected = argv.includes('--json')
      ? `{"error":{"code":"OUTPUT","message":"${FULL.slice('devstate: '.length, -1)}"}}\n`
      : FULL;
    expect({ exit, stderr }).toEqual({ exit: 1, stderr: expected });
  });

  test.each(['list -o name', 'stale -o name --older-than 0', 'get - -o name'])(
    '%s, which is cut short in the middle of a write',
    async (argv) => {
      const ids = Array.from({ length: 300 }, (_, i) => `lamp-${i}`);
      await registerAll(
        fleet,
        ids.map((id) => ({ id, type: 'lamp' })),
      );
      const path = join(folder, 'cut');
      const input = argv.startsWith('get') ? `printf '%s\\n' ${ids.join(' ')} |` : '';
      const { exit, stderr } = await run(`${input} (ulimit -f 1; devstate ${argv} >'${path}'; echo $? >&2)`);
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: `${FILE_TOO_LARGE}1\n` });
      expect((await run(`wc -c <'${path}'`)).stdout.trim()).toBe('1024');
    },
  );
});

test('what is done is done to the end', async () => {
  const ids = Array.from({ length: 1500 }, (_, i) => `lamp-${i}`);
  await registerAll(
    fleet,
    ids.map((id) => ({ id, type: 'lamp' })),
  );
  const ended = await run('devstate list -o name | devstate unregister - --yes >/dev/full');
  expect(ended).toMatchObject({ exit: 1, stderr: FULL });
  expect(await fleet.redis.scard(fleet.keys.registered)).toBe(0);
  // A failure of an item has the exit code, as without a full disk.
  expect(await run('devstate unregister nope --yes >/dev/full')).toMatchObject({ exit: 3 });
});

test.each(['watch-presence', 'watch-presence --json', 'history a --follow', 'stats --watch'])(
  '%s ends with the first thing that cannot be written',
  async (argv) => {
    const { end, said } = start(argv);
    const stops = new AbortController();
    const changes = (async () => {
      while (!stops.signal.aborted) {
        await heartbeat(fleet, { id: 'a' });
        await disconnect(fleet, 'a');
      }
    })();
    const { exit } = await end;
    stops.abort();
    await changes;
    expect(exit).toBe(1);
    expect(said().replace(/^.*(watching|hint).*\n/gm, '')).toContain(
      'cannot write to standard output: file too large',
    );
    expect(said().match(/cannot write/g)).toHaveLength(1);
  },
);

test.each([
  ['heartbeat a --every 20ms -o name', /^a\n/],
  ['detect -o name', /^a\n/],
])('%s goes on, and prints again when there is room', async (argv, line) => {
  const { child, end, written, free, said } = start(argv);
  const stops = new AbortController();
  if (argv.startsWith('detect')) await until(() => said().includes('detecting'));
  const lapses = (async () => {
    while (argv.startsWith('detect') && !stops.signal.aborted) {
      await heartbeat(fleet, { id: 'a', ttl: 20 });
      await until(async () => (await fleet.redis.exists(fleet.keys.heartbeat('a'))) === 0);
    }
  })();
  await until(() => said().includes('cannot write'));
  expect([said().replace(/^detecting.*\n/, ''), written()]).toEqual([FILE_TOO_LARGE, '']);
  free();
  await until(() => said().includes('again'));
  await until(() => written().length > 0);
  stops.abort();
  await lapses;
  child.kill('SIGTERM');
  const { exit } = await end;
  expect(exit).toBe(argv.startsWith('detect') ? 1 : 143);
  expect(said()).toMatch(/^standard output can be written again; lines lost: [1-9]\d*$/m);
  expect(said().match(/cannot write/g)).toHaveLength(1);
  expect(written()).toMatch(line);
});
