/** Redis is away for 15 s: three TTLs. Who beats again was never offline; who died meanwhile is found. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DeviceStateManager } from '../../src/library/device-state-manager.js';
import { loggedAt } from '../support/chaos/log-checker.js';
import { devstate, usePrograms } from '../support/chaos/processes.js';
import { say, spread } from '../support/chaos/report.js';
import { logOf, openFleet, until } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';

const DEVICES = 300;
const DYING = 30;
const TTL_MS = 5000;
const BEAT_MS = 2000;
const AWAY_MS = 15_000;

const redis = useRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
usePrograms();

test('after an outage nobody who beats again was offline, and who died is announced', async () => {
  const fleet = await openFleet(redis, {}, { maxRetriesPerRequest: null });
  const connection = await redis.client(); // with a device's defaults: it queues, and gives up after 20 retries
  for (const client of [fleet.redis, connection]) client.on('error', () => {});
  const manager = new DeviceStateManager(connection, { heartbeatTimeout: TTL_MS / 1000 });
  const ids = Array.from({ length: DEVICES }, (_, i) => `d${i}`);
  const dying = new Set(ids.slice(0, DYING));
  await Promise.all(ids.map((id) => manager.registerDevice(id, 'lamp')));

  const detector = devstate(redis.url, 'detect');
  await detector.says('detecting');
  const dead = new Set<string>();
  let over = false;
  const lives = ids.map(async (id, i) => {
    await sleep((i / DEVICES) * BEAT_MS);
    while (!over && !dead.has(id)) {
      await Promise.race([manager.deviceHeartbeat(id).catch(() => {}), sleep(BEAT_MS)]);
      await sleep(BEAT_MS);
    }
  });
  await sleep(3 * BEAT_MS);
  for (const id of dying) dead.add(id);
  await redis.server.kill();
  await sleep(AWAY_MS);
  await redis.server.restart();
  const back = Date.now();

  await until(async () => Number((await fleet.redis.get(fleet.keys.pulse))?.split(' ')[2]) > 0);
  const [, , hold = 0] = (await fleet.redis.get(fleet.keys.pulse))?.split(' ').map(Number) ?? [];
  expect(await fleet.redis.xlen(fleet.keys.log)).toBe(DEVICES);
  await sleep(hold + TTL_MS - Date.now());
  over = true;
  const events = await logOf(fleet);
  detector.kill('SIGTERM');
  expect(await detector.exit).toBe(0);
  await Promise.all(lives);

  const offline = events.filter(({ status }) => status === 'offline');
  const lies = offline.filter(({ deviceId }) => !dying.has(deviceId));
  const delays = offline.map((event) => loggedAt(event) - hold);
  say('outage', [
    `${AWAY_MS / 1000} s away; held for ${((hold - back) / 1000).toFixed(1)} s after the return`,
    `${lies.length} of ${DEVICES - DYING} announced offline though they beat again`,
    `${offline.length - lies.length} of ${DYING} dead announced, after the hold by ${spread(delays)}`,
  ]);
  expect(lies).toEqual([]);
  expect(events.length).toBe(DEVICES + DYING);
  expect(offline.map(({ deviceId }) => deviceId).sort()).toEqual([...dying].sort());
  expect(offline.every((event) => event.reason === 'timeout' && loggedAt(event) <= hold + TTL_MS)).toBe(true);
  expect(detector.stderr).toContain('heartbeats could not arrive for a while');
  expect(detector.stderr).toContain('the hold is over');
}, 90_000);
