/** The requests of a detector while nothing happens: 100,000 devices are online and none expires. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { startDevstate, useProcesses } from '../support/chaos/processes.js';
import { seedOnline } from '../support/chaos/seed-online.js';
import { openFleet, until } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';
import { printReport } from '../support/report.js';

const DEVICES = 100_000;
const MAX_REQUESTS_PER_SECOND = 3;
const MEASURE_MS = 6000;
const AUDIT_ROUND_MS = 5000;
/** The factor by which limits are relaxed, because tests share the machine; the measured values are printed. */
const TOLERANCE = 4;

const redis = useRedis();
useProcesses();

test('an idle detector sends less than 3 requests a second, and the audit covers the fleet in time', async () => {
  const fleet = await openFleet(redis);
  await seedOnline(fleet, DEVICES, 3_600_000);

  const detector = startDevstate(redis.url, 'detect');
  await detector.untilStderr('detecting');
  await sleep(2000); // until the audit has adapted its pace
  const { steps, scans, settles, devices } = await countRequests(fleet.redis, MEASURE_MS);
  detector.kill('SIGTERM');
  expect(await detector.exit).toBe(0);
  const defaultRoundMs = (DEVICES / devices) * MEASURE_MS;

  // Deletes the online set, which the audit restores: once it is complete, the audit has made a whole round.
  await fleet.redis.del(fleet.keys.online);
  const fastDetector = startDevstate(redis.url, 'detect', '--audit', `${AUDIT_ROUND_MS}ms`);
  await fastDetector.untilStderr('detecting');
  const start = performance.now();
  await until(async () => (await fleet.redis.scard(fleet.keys.online)) === DEVICES);
  const roundMs = performance.now() - start;
  fastDetector.kill('SIGTERM');
  expect(await fastDetector.exit).toBe(0);

  const perSecond = (count: number) => (count / MEASURE_MS) * 1000;
  printReport('idle fleet', [
    `${perSecond(steps).toFixed(2)} requests a second (bar ${MAX_REQUESTS_PER_SECOND}), and for the audit ${perSecond(scans + settles).toFixed(2)}`,
    `audit: ${perSecond(devices).toFixed(0)} devices a second, a round in ${(defaultRoundMs / 1000).toFixed(0)} s (bar 300)`,
    `with --audit 5s: a round in ${(roundMs / 1000).toFixed(1)} s`,
  ]);
  expect(perSecond(steps)).toBeLessThan(MAX_REQUESTS_PER_SECOND);
  expect(steps).toBeGreaterThan(0);
  expect(defaultRoundMs).toBeLessThanOrEqual(300_000 * TOLERANCE);
  expect(roundMs).toBeLessThanOrEqual(AUDIT_ROUND_MS * TOLERANCE);
});

interface RequestCounts {
  /** Reads of due devices from the index. */
  steps: number;
  /** Slices of ids that the audit reads. */
  scans: number;
  /** Settle scripts that the audit runs. */
  settles: number;
  /** Devices that were settled. */
  devices: number;
}

/**
 * Counts requests within `ms` by the commands that only they send: the script for due devices sends ZRANGEBYSCORE
 * twice, the audit sends SSCAN, and settle sends PTTL for each device. All other scripts are settle scripts.
 */
async function countRequests(client: Redis, ms: number): Promise<RequestCounts> {
  const before = await callsByCommand(client);
  await sleep(ms);
  const after = await callsByCommand(client);
  const callsOf = (command: string) => (after.get(command) ?? 0) - (before.get(command) ?? 0);
  const steps = callsOf('zrangebyscore') / 2;
  return {
    steps,
    scans: callsOf('sscan'),
    settles: callsOf('evalsha') + callsOf('eval') - steps,
    devices: callsOf('pttl'),
  };
}

async function callsByCommand(client: Redis): Promise<Map<string, number>> {
  const info = await client.info('commandstats');
  const found = info.matchAll(/^cmdstat_(\S+):calls=(\d+)/gm);
  return new Map([...found].map(([, command, count]) => [command as string, Number(count)]));
}
