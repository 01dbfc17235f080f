/** What the built program does when the reader of its output leaves. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeat } from '../../src/core/presence/heartbeats.js';
import { register, registerAll } from '../../src/core/registry/register.js';
import { startServer } from '../../src/redis/private-server.js';
import { bringOnline, openFleet, pretendDetector, type SingleFleet, until } from '../support/fleet.js';
import { briefly, useRedis } from '../support/redis.js';
import { finished, says, shell, start } from './bin-process.js';

const redis = useRedis();
let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
  await pretendDetector(fleet);
});

const idsOf = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `lamp-${from + i}`);
const lines = (ids: readonly string[], line = (id: string) => id) =>
  ids.map((id) => `${line(id)}\n`).join('');

/** Closes the reading end of a process's stdout. */
function leave(child: ChildProcess): void {
  child.stdout?.removeAllListeners('data').destroy();
}

describe('commands that act go on with all their input', () => {
  const ids = idsOf(0, 1500);
  const report = (id: string) => `{"deviceId":"${id}"}`;

  test.each<[argv: string, line: ((id: string) => string) | undefined, left: () => Promise<number>]>([
    ['unregister - --yes', undefined, () => fleet.redis.scard(fleet.keys.registered)],
    ['disconnect -', undefined, () => fleet.redis.scard(fleet.keys.online)],
    ['set-desired - x=2', undefined, () => unless('desiredState', '{"x":2}')],
    ['heartbeat - --report x=2', undefined, () => unless('reportedState', '{"x":2}')],
    [
      'heartbeat -f - -o ndjson',
      (id) => `{"deviceId":"${id}","reportedState":{"x":2}}`,
      () => unless('reportedState', '{"x":2}'),
    ],
    ['register -f - --type other -o ndjson', report, () => unless('deviceType', 'other')],
  ])('%s', async (argv, line, left) => {
    await registerAll(
      fleet,
      ids.map((id) => ({ id, type: 'lamp' })),
    );
    await bringOnline(fleet, ids, () => 600_000);
    const child = start(argv.split(' '), { DEVSTATE_URL: redis.url }, 'pipe');
    const end = finished(child);
    child.stdin?.write(lines(ids.slice(0, 500), line));
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    leave(child);
    child.stdin?.end(lines(ids.slice(500), line));
    const { exit, stderr } = await end;
    expect({ exit, stderr: stderr.replace('1500 done, 0 failed\n', '') }).toEqual({ exit: 0, stderr: '' });
    expect(await left()).toBe(0);
  });

  /** How many devices have another value in a field of their record. */
  async function unless(field: string, value: string): Promise<number> {
    const values = await Promise.all(ids.map((id) => fleet.redis.hget(fleet.keys.state(id), field)));
    return values.filter((each) => each !== value).length;
  }

  test('ids that are arguments', async () => {
    await registerAll(
      fleet,
      ids.map((id) => ({ id, type: 'lamp' })),
    );
    const { exit, stdout, stderr } = await shell(
      `devstate unregister ${ids.join(' ')} nope --yes | head -1`,
      { DEVSTATE_URL: redis.url },
    );
    expect({ exit, stdout, stderr }).toEqual({
      exit: 7,
      stdout: 'lamp-0 removed\n',
      stderr: expect.stringMatching(/^devstate: device "nope" is not registered\n/),
    });
    expect(await fleet.redis.scard(fleet.keys.registered)).toBe(0);
  });

  test.each([
    ['unregister - --yes', undefined, true],
    ['unregister - --yes', undefined, false],
    ['set-desired - x=1', undefined, true],
    ['heartbeat -f - -o ndjson', report, true],
    ['heartbeat -f -', report, false],
  ])(
    '%s (%s): a server that is killed is told, after something was done: %s',
    async (argv, line, isSomeDone) => {
      const server = await startServer();
      const few = idsOf(0, 3);
      await briefly(server.url, async (client) => {
        for (const id of few) {
          await client.hset(`device:state:${id}`, { deviceId: id, deviceType: 'lamp' });
          await client.sadd('devices:registered', id);
        }
      });
      const child = start(
        [...argv.split(' '), '--request-timeout', '1s'],
        { DEVSTATE_URL: server.url },
        'pipe',
      );
      const end = finished(child);
      if (isSomeDone) {
        child.stdin?.write(lines(few.slice(0, 1), line));
        await says(child, 'stdout', 'lamp-0');
      } else {
        await until(() =>
          briefly(server.url, async (client) => String(await client.client('LIST')).split('\n').length > 2),
        );
      }
      leave(child);
      await server.stop();
      child.stdin?.end(lines(few.slice(1), line));
      const { exit, stderr } = await end;
      expect({ exit, stderr }).toEqual({
        exit: isSomeDone ? 7 : 5,
        stderr: expect.stringMatching(/^(devstate: |\{"error":\{"code":"CONNECTION").+\n/m),
      });
      if (isSomeDone) expect(stderr).toMatch(/^1 done, 0 failed; the rest of the input was not sent$/m);
    },
  );
});

describe('commands that run on', () => {
  test.each(['heartbeat a --every 20ms', 'detect'])('%s goes on, and says so once', async (argv) => {
    await register(fleet, 'a', 'lamp');
    const child = start(argv.split(' '), { DEVSTATE_URL: redis.url });
    const end = finished(child);
    if (argv === 'detect') await says(child, 'stderr', 'detecting');
    else await says(child, 'stdout', 'a online');
    const noticed = says(child, 'stderr', 'standard output was closed');
    leave(child);
    const seen = () => fleet.redis.hget(fleet.keys.state('a'), 'lastSeen');
    const lapse = async () => {
      await heartbeat(fleet, { id: 'a', ttl: 20 });
      await until(async () => !(await fleet.redis.sismember(fleet.keys.online, 'a')));
    };
    if (argv === 'detect') await lapse();
    await noticed;
    if (argv === 'detect') await lapse();
    else {
      const before = await seen();
      await until(async () => (await seen()) !== before);
    }
    child.kill('SIGTERM');
    const { exit, stderr } = await end;
    expect(exit).toBe(argv === 'detect' ? 0 : 143);
    expect(stderr.match(/standard output was closed; continuing\n/g)).toHaveLength(1);
  });

  test('commands that only read end at once and quietly', async () => {
    await register(fleet, 'a', 'lamp');
    const reading = start(['get', '-', '-o', 'name'], { DEVSTATE_URL: redis.url }, 'pipe');
    const end = finished(reading);
    reading.stdin?.write('a\n');
    await says(reading, 'stdout', 'a');
    leave(reading);
    reading.stdin?.write('a\n');
    expect(await end).toMatchObject({ exit: 0, stderr: '' }); // though its input has not ended
  });
});
