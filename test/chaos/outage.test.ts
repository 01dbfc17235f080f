/** Redis is down for 15 s, three times the TTL: only devices that do not beat again are announced offline. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DeviceStateManager } from '../../src/library/device-state-manager.js';
import { startDevstate, useProcesses } from '../support/chaos/processes.js';
import { loggedAt } from '../support/chaos/times.js';
import { logOf, openFleet, until } from '../support/fleet.js';
import { parsePulse } from '../support/hold/pulse.js';
import { useRedis } from '../support/redis.js';
import { printReport, summarizeMs } from '../support/report.js';

const DEVICES = 300;
const STOPPING_COUNT = 30;
const TTL_MS = 5000;
const BEAT_INTERVAL_MS = 2000;
const DOWN_MS = 15_000;

const redis = useRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
useProcesses();

test('after an outage devices that beat again have no offline event, and those that stopped have one', async () => {
  const fleet = await openFleet(redis, {}, { maxRetriesPerRequest: null });
  const connection = await redis.client(); // with ioredis defaults, like a device: it queues commands and fails them after 20 retries
  for (const client of [fleet.redis, connection]) client.on('error', () => {});
  const manager = new DeviceStateManager(connection, { heartbeatTimeout: TTL_MS / 1000 });
  const ids = Array.from({ length: DEVICES }, (_, i) => `d${i}`);
  const stoppingIds = new Set(ids.slice(0, STOPPING_COUNT));
  await Promise.all(ids.map((id) => manager.registerDevice(id, 'lamp')));

  const detector = startDevstate(redis.url, 'detect');
  await detector.untilStderr('detecting');
  const stoppedIds = new Set<string>();
  let finished = false;
  const deviceLoops = ids.map(async (id, i) => {
    await sleep((i / DEVICES) * BEAT_INTERVAL_MS);
    while (!finished && !stoppedIds.has(id)) {
      await Promise.race([manager.deviceHeartbeat(id).catch(() => {}), sleep(BEAT_INTERVAL_MS)]);
      await sleep(BEAT_INTERVAL_MS);
    }
  });
  await sleep(3 * BEAT_INTERVAL_MS);
  for (const id of stoppingIds) stoppedIds.add(id);
  await redis.server.kill();
  await sleep(DOWN_MS);
  await redis.server.restart();
  const restartedAt = Date.now();

  const outageEnd = async () => parsePulse((await fleet.redis.get(fleet.keys.pulse)) ?? '')?.to ?? 0;
  await until(async () => (await outageEnd()) >= restartedAt);
  const hold = (await outageEnd()) + TTL_MS; // the outage was longer than a quarter of the TTL
  expect(await fleet.redis.xlen(fleet.keys.log)).toBe(DEVICES);
  await sleep(hold + TTL_MS - Date.now());
  finished = true;
  const events = await logOf(fleet);
  detector.kill('SIGTERM');
  expect(await detector.exit).toBe(0);
  await Promise.all(deviceLoops);

  const offline = events.filter(({ status }) => status === 'offline');
  const wronglyOffline = offline.filter(({ deviceId }) => !stoppingIds.has(deviceId));
  const delaysMs = offline.map((event) => loggedAt(event) - hold);
  printReport('outage', [
    `${DOWN_MS / 1000} s away; held for ${((hold - restartedAt) / 1000).toFixed(1)} s after the return`,
    `${wronglyOffline.length} of ${DEVICES - STOPPING_COUNT} announced offline though they beat again`,
    `${offline.length - wronglyOffline.length} of ${STOPPING_COUNT} stopped devices announced, after the hold by ${summarizeMs(delaysMs)}`,
  ]);
  expect(wronglyOffline).toEqual([]);
  expect(events.length).toBe(DEVICES + STOPPING_COUNT);
  expect(offline.map(({ deviceId }) => deviceId).sort()).toEqual([...stoppingIds].sort());
  expect(offline.every((event) => event.reason === 'timeout' && loggedAt(event) <= hold + TTL_MS)).toBe(true);
  expect(detector.stderr).toContain('heartbeats could not arrive for a while');
  expect(detector.stderr).toContain('the hold is over');
}, 90_000);
