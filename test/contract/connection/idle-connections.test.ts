/**
 * Connections that are lost while nothing is sent on them, as between two lines of input, cost nothing, not even a
 * notice: what comes next is sent on a new one.
 */
import { describe, expect, onTestFinished, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { DeviceStateManager } from '../../../src/index.js';
import { parseTarget } from '../../../src/redis/target-url.js';
import { cli } from '../../support/cli.js';
import { fleetAt, until } from '../../support/fleet.js';
import { briefly, useRedis } from '../../support/redis.js';

const redis = useRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
const devstate = cli(redis);
const IDS = ['d1', 'd2'];

/** Commands that read devices from standard input, and the line for a device. */
const COMMANDS: [argv: string, line: (id: string) => string][] = [
  ['heartbeat -f -', (deviceId) => JSON.stringify({ deviceId, reportedState: { on: true } })],
  ['heartbeat -', (id) => id],
  ['get -', (id) => id],
  ['set-desired - on=true', (id) => id],
  ['disconnect -', (id) => id],
  ['register -f -', (deviceId) => JSON.stringify({ deviceId, deviceType: 'plug' })],
  ['unregister - --yes', (id) => id],
];

/** The ids of the connections to the server, without those of the test. */
async function connections(): Promise<string[]> {
  const list = await briefly(redis.url, (admin) => admin.client('LIST'));
  return String(list)
    .split('\n')
    .filter((line) => line !== '' && !line.includes('name=test-support'))
    .map((line) => /id=(\d+)/.exec(line)?.[1] ?? '');
}

/** Waits until the server has closed all connections that it has now. */
async function closed(close: () => Promise<unknown>): Promise<void> {
  const open = await connections();
  expect(open).not.toEqual([]);
  await close();
  await until(async () => {
    const left = await connections();
    return !left.some((id) => open.includes(id));
  });
}

const setTimeLimit = (seconds: number) =>
  briefly(redis.url, (admin) => admin.config('SET', 'timeout', seconds));

/** Ways to lose an idle connection. */
const LOSSES: [loss: string, lose: () => Promise<void>][] = [
  [
    'the server closes idle connections',
    async () => {
      onTestFinished(async () => void (await setTimeLimit(0)));
      await closed(() => setTimeLimit(1));
    },
  ],
  [
    'the connection is killed',
    () =>
      closed(() => briefly(redis.url, (admin) => admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes'))),
  ],
  ['the server restarts', () => redis.server.restart()],
];

async function online(): Promise<void> {
  const fleet = await fleetAt(redis.url);
  for (const id of IDS) await heartbeat(fleet, { id, registerAs: 'lamp' });
}

describe.each(LOSSES)('%s', (_loss, lose) => {
  test.each(COMMANDS)('%s', async (argv, line) => {
    await online();
    const running = devstate.start(`${argv} -o ndjson`, { open: true });
    for (const [i, id] of IDS.entries()) {
      if (i > 0) await lose();
      running.stdin.write(`${line(id)}\n`);
      const lines = await running.lines('stdout', i + 1);
      expect(JSON.parse(lines[i] ?? '')).toMatchObject({ deviceId: id });
    }
    running.stdin.end();
    const { exit, stderr } = await running.done;
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: expect.stringMatching(/^(2 done, 0 failed\n)?$/) });
  });

  test('library', async () => {
    await online();
    const manager = new DeviceStateManager(parseTarget(redis.url).options);
    onTestFinished(() => manager.close());
    for (const id of IDS) {
      expect(await manager.deviceHeartbeat(id, { on: id })).toMatchObject({ wasOffline: false });
      await lose();
    }
  });
});

test('heartbeat --every, at an interval for which the server keeps no idle connection', async () => {
  await online();
  onTestFinished(async () => void (await setTimeLimit(0)));
  const running = devstate.start('heartbeat d1 --every 3s --count 3 -o name');
  await running.lines('stdout', 1);
  await closed(() => setTimeLimit(1));
  expect(await running.done).toEqual({ exit: 0, stdout: 'd1\nd1\nd1\n', stderr: '' });
});

test('a line that comes while the server is down waits for it', async () => {
  await online();
  const running = devstate.start('set-desired - on=true -o name', { open: true });
  running.stdin.write('d1\n');
  await running.lines('stdout', 1);
  await redis.server.kill();
  running.stdin.end('d2\n');
  await redis.server.restart();
  expect(await running.done).toEqual({ exit: 0, stdout: 'd1\nd2\n', stderr: '' });
});
