/** 50,000 devices expire at the same moment. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { residentMb, startDevstate, useProcesses } from '../support/chaos/processes.js';
import { seedOnline } from '../support/chaos/seed-online.js';
import { loggedAt } from '../support/chaos/times.js';
import { logOf, openFleet, scoreOf, serverNow, until } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';
import { printReport } from '../support/report.js';

const DEVICES = 50_000;
/** Limits for a machine without other load. Measured values are printed beside them. */
const ALL_WITHIN_MS = 2000;
const SLOW_COMMAND_US = 10_000;
const MAX_MEMORY_GROWTH_MB = 60;
/** The factor by which limits are relaxed, because tests share the machine. */
const TOLERANCE = 5;

const redis = useRedis();
useProcesses();

test('50,000 devices that expire at once are announced within the limit of time, command duration and memory', async () => {
  const fleet = await openFleet(redis);
  const deadline = await seedOnline(fleet, DEVICES, 12_000);
  const detector = startDevstate(redis.url, 'detect', '-o', 'name', '--quiet');
  await until(async () => (await fleet.redis.exists(fleet.keys.pulse)) === 1);
  await sleep(Math.max(0, deadline - 1500 - (await serverNow(fleet.redis))));
  expect(await fleet.redis.xlen(fleet.keys.log)).toBe(0);
  await fleet.redis.config('SET', 'slowlog-log-slower-than', SLOW_COMMAND_US);
  await fleet.redis.slowlog('RESET');

  const memoryBeforeMb = residentMb(detector.pid);
  let maxMemoryMb = memoryBeforeMb;
  await until(async () => {
    maxMemoryMb = Math.max(maxMemoryMb, residentMb(detector.pid));
    await sleep(50);
    return (await fleet.redis.xlen(fleet.keys.log)) >= DEVICES;
  });
  const slowCommands = (await fleet.redis.slowlog('GET', 10)) as [number, number, number, string[]][];
  const events = await logOf(fleet);
  const lastDelayMs = Math.max(...events.map(loggedAt)) - deadline;
  printReport('mass expiry', [
    `${events.length} devices announced within ${lastDelayMs} ms of their deadline (bar ${ALL_WITHIN_MS})`,
    `commands over 10 ms: ${slowCommands.length}${slowCommands.map(([, , us, args]) => ` ${us} us ${args.slice(0, 2).join(' ')}`)}`,
    `detector's memory: ${memoryBeforeMb.toFixed(0)} MB before, ${maxMemoryMb.toFixed(0)} MB at most (bar +${MAX_MEMORY_GROWTH_MB})`,
  ]);
  expect(new Set(events.map(({ deviceId }) => deviceId)).size).toBe(DEVICES);
  expect(events.every(({ reason, timestamp }) => reason === 'timeout' && timestamp === deadline)).toBe(true);
  expect(events.length).toBe(DEVICES);
  expect(lastDelayMs).toBeLessThanOrEqual(ALL_WITHIN_MS * TOLERANCE);
  expect(slowCommands.filter(([, , us]) => us > SLOW_COMMAND_US * TOLERANCE)).toEqual([]);
  expect(maxMemoryMb - memoryBeforeMb).toBeLessThan(MAX_MEMORY_GROWTH_MB);
  expect(await fleet.redis.scard(fleet.keys.online)).toBe(0);
  expect(await scoreOf(fleet, 'd7')).toBeLessThan(0);
  await until(() => detector.lines.length === DEVICES);
  detector.kill('SIGTERM');
  expect(await detector.exit).toBe(0);
});
