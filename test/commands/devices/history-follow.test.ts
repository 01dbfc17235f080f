/** `history --follow`: prints each change once, across lost connections and registrations, until stopped. */
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { startServer } from '../../../src/redis/private-server.js';
import { cli, text } from '../../support/cli.js';
import { openFleet } from '../../support/fleet.js';
import { desire, ID, report, usePastFleet, writeSomeHistory } from '../../support/past-fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
/** Nothing listens there: a usage error must be reported without a connection. */
const unreachable = cli('redis://127.0.0.1:1');
const past = usePastFleet(redis);

describe('--follow', () => {
  beforeEach(() => writeSomeHistory(past));

  test('prints existing and new changes, each once, until it is stopped', async () => {
    const following = devstate.start(`history ${ID} --follow --diff -o ndjson`);
    await following.lines('stdout', 8);
    await report(past, '{"n":1}');
    await following.lines('stdout', 10);
    await desire(past, '{"n":1}');
    await following.lines('stdout', 11);
    const { exit, stdout, stderr } = await following.stop();
    const entries = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const names = entries.map(({ kind, seq, version }) => `${kind} ${seq ?? version}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names.slice(8)).toEqual(['reported 3', 'presence 5', 'desired 3']);
    expect([exit, stderr]).toEqual([0, '']);
  });

  test.each([
    ['--limit 1', ['presence 4', 'reported 3', 'presence 5']],
    ['--since 2025-01-01T12:00:04Z', ['desired 2', 'presence 4', 'reported 3', 'presence 5']],
  ])('%s leaves out older changes', async (options, expected) => {
    const following = devstate.start(
      `history ${ID} --follow --fields kind,version,seq --no-headers ${options}`,
    );
    await following.lines('stdout', expected.length - 2);
    await report(past, '{"n":1}');
    await following.lines('stdout', expected.length);
    const { stdout } = await following.stop();
    const names = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/-/g, '').trim().split(/ +/).join(' '));
    expect(names).toEqual(expected);
  });

  test('a device that is registered again counts from 1 and is followed', async () => {
    const following = devstate.start(
      `history ${ID} --follow --kind reported --fields version --no-headers -o table`,
    );
    await following.lines('stdout', 2);
    await unregister(past.fleet, ID);
    await register(past.fleet, ID, 'lamp');
    for (const n of [1, 2, 3]) await report(past, `{"n":${n}}`);
    await following.lines('stdout', 5);
    await unregister(past.fleet, ID);
    await following.says('stderr', 'any more');
    await register(past.fleet, ID, 'lamp');
    await report(past, '{"n":1}');
    await following.lines('stdout', 6);
    const { exit, stdout, stderr } = await following.stop();
    expect([exit, stdout.split('\n').map((line) => line.trim())]).toEqual([
      0,
      ['1', '2', '1', '2', '3', '1', ''],
    ]);
    // One notice for each poll that found it missing; the first absence may be too short for a poll.
    expect(stderr).toMatch(
      /^(device "aa:bb:cc:dd:ee:ff" is not registered any more; waiting until it is registered again\n){1,2}$/,
    );
  });

  test('reports entries that were dropped between two polls', async () => {
    await past.fleet.redis.hset(past.fleet.keys.meta, 'historyCap', 3);
    const following = devstate.start(`history ${ID} --follow --kind reported --fields version --no-headers`);
    await following.lines('stdout', 2);
    const fleet = await openFleet(redis, { clock: () => past.now });
    await heartbeats(
      fleet,
      Array.from({ length: 10 }, (_, n) => ({ id: ID, reportedJson: `{"n":${n}}` })),
    );
    await following.lines('stdout', 5);
    await past.fleet.redis.hset(past.fleet.keys.meta, 'historyCap', 0);
    await heartbeat(await openFleet(redis), { id: ID, reportedJson: '{"n":1}' });
    await following.says('stderr', 'was dropped');
    const { stdout, stderr } = await following.stop();
    expect(stdout.split('\n').map((line) => line.trim())).toEqual(['1', '2', '10', '11', '12', '']);
    expect(stderr).toBe(text`
      7 entries of reported were dropped before they could be read
      1 entry of reported was dropped before it could be read
    `);
  });

  test('continues after an outage, with notices at its beginning and end', async () => {
    const server = await startServer({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    onTestFinished(() => server.stop());
    const there = cli(server);
    await there.run('heartbeat d1 --register --type lamp --report n=1');
    const following = there.start(
      'history d1 --follow --kind reported --fields version --no-headers --request-timeout 500ms',
    );
    await following.lines('stdout', 1);
    await server.kill();
    await following.says('stderr', 'retrying');
    await server.restart();
    await following.says('stderr', 'reconnected');
    await there.run('heartbeat d1 --report n=2');
    await following.lines('stdout', 2);
    const { exit, stdout, stderr } = await following.stop();
    expect([exit, stdout.split('\n').map((line) => line.trim())]).toEqual([0, ['1', '2', '']]);
    expect(stderr).toMatch(/^[^\n]+; retrying\nreconnected\n$/);
  });

  test('fails at once without a server or without the device', async () => {
    expect((await unreachable.run('history d1 --follow')).exit).toBe(5);
    expect((await devstate.run('history nobody --follow')).exit).toBe(3);
  });

  test('--since without recent changes waits for new ones', async () => {
    const following = devstate.start(`history ${ID} --follow --since 1h --kind reported --json`);
    let came = false;
    const first = following.lines('stdout', 1).then(() => {
      came = true;
    });
    for (let n = 3; !came; n++) {
      await report(past, `{"n":${n}}`); // the first may be written before the first poll
      await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 200))]);
    }
    const { stdout } = await following.stop();
    for (const line of stdout.trimEnd().split('\n')) expect(JSON.parse(line).version).toBeGreaterThan(2);
  });
});
