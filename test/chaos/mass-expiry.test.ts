/** A whole site goes dark: 50,000 devices are due at the same instant. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { loggedAt } from '../support/chaos/log-checker.js';
import { devstate, residentMb, usePrograms } from '../support/chaos/processes.js';
import { say } from '../support/chaos/report.js';
import { seedOnline } from '../support/chaos/seed-online.js';
import { logOf, openFleet, scoreOf, serverNow, until } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';

const DEVICES = 50_000;
/** The bars, which hold on a machine of one's own; what is printed is measured against them. */
const ALL_WITHIN_MS = 2000;
const SLOWEST_US = 10_000;
const MEMORY_MB = 60;
/** What others on the same machine may add. */
const PATIENCE = 5;

const redis = useRedis();
usePrograms();

test('50,000 devices due at once are announced soon, without a slow command or more memory', async () => {
  const fleet = await openFleet(redis);
  const deadline = await seedOnline(fleet, DEVICES, 12_000);
  const detector = devstate(redis.url, 'detect', '-o', 'name', '--quiet');
  await until(async () => (await fleet.redis.exists(fleet.keys.pulse)) === 1);
  await sleep(Math.max(0, deadline - 1500 - (await serverNow(fleet.redis))));
  expect(await fleet.redis.xlen(fleet.keys.log)).toBe(0);
  await fleet.redis.config('SET', 'slowlog-log-slower-than', SLOWEST_US);
  await fleet.redis.slowlog('RESET');

  const before = residentMb(detector.pid);
  let most = before;
  await until(async () => {
    most = Math.max(most, residentMb(detector.pid));
    await sleep(50);
    return (await fleet.redis.xlen(fleet.keys.log)) >= DEVICES;
  });
  const slow = (await fleet.redis.slowlog('GET', 10)) as [number, number, number, string[]][];
  const events = await logOf(fleet);
  const last = Math.max(...events.map(loggedAt)) - deadline;
  say('mass expiry', [
    `${events.length} devices announced within ${last} ms of their deadline (bar ${ALL_WITHIN_MS})`,
    `commands over 10 ms: ${slow.length}${slow.map(([, , us, args]) => ` ${us} us ${args.slice(0, 2).join(' ')}`)}`,
    `detector's memory: ${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most (bar +${MEMORY_MB})`,
  ]);
  expect(new Set(events.map(({ deviceId }) => deviceId)).size).toBe(DEVICES);
  expect(events.every(({ reason, timestamp }) => reason === 'timeout' && timestamp === deadline)).toBe(true);
  expect(events.length).toBe(DEVICES);
  expect(last).toBeLessThanOrEqual(ALL_WITHIN_MS * PATIENCE);
  expect(slow.filter(([, , us]) => us > SLOWEST_US * PATIENCE)).toEqual([]);
  expect(most - before).toBeLessThan(MEMORY_MB);
  expect(await fleet.redis.scard(fleet.keys.online)).toBe(0);
  expect(await scoreOf(fleet, 'd7')).toBeLessThan(0);
  await until(() => detector.lines.length === DEVICES);
  detector.kill('SIGTERM');
  expect(await detector.exit).toBe(0);
});
