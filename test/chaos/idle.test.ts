/** What a detector costs where nothing happens: 100,000 devices, all online, none due. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { devstate, usePrograms } from '../support/chaos/processes.js';
import { say } from '../support/chaos/report.js';
import { seedOnline } from '../support/chaos/seed-online.js';
import { openFleet, until } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';

const DEVICES = 100_000;
const REQUESTS_A_SECOND = 3;
const MEASURED_MS = 6000;
const ROUND_MS = 5000;
/** What others on the same machine may add to the audit's time; the figures are printed. */
const PATIENCE = 4;

const redis = useRedis();
usePrograms();

test('an idle fleet costs less than 3 requests a second, and the audit keeps its bound', async () => {
  const fleet = await openFleet(redis);
  await seedOnline(fleet, DEVICES, 3_600_000);

  const idle = devstate(redis.url, 'detect');
  await idle.says('detecting');
  await sleep(2000); // it takes up its pace
  const { steps, scans, settles, devices } = await costs(fleet.redis, MEASURED_MS);
  idle.kill('SIGTERM');
  expect(await idle.exit).toBe(0);
  const defaultRound = (DEVICES / devices) * MEASURED_MS;

  // The index says offline of all, the heartbeat keys say otherwise: a round has been made once it is mended.
  await fleet.redis.del(fleet.keys.online);
  const hurried = devstate(redis.url, 'detect', '--audit', `${ROUND_MS}ms`);
  await hurried.says('detecting');
  const start = performance.now();
  await until(async () => (await fleet.redis.scard(fleet.keys.online)) === DEVICES);
  const round = performance.now() - start;
  hurried.kill('SIGTERM');
  expect(await hurried.exit).toBe(0);

  const rate = (count: number) => (count / MEASURED_MS) * 1000;
  say('idle fleet', [
    `${rate(steps).toFixed(2)} requests a second (bar ${REQUESTS_A_SECOND}), and for the audit ${rate(scans + settles).toFixed(2)}`,
    `audit: ${rate(devices).toFixed(0)} devices a second, a round in ${(defaultRound / 1000).toFixed(0)} s (bar 300)`,
    `with --audit 5s: a round in ${(round / 1000).toFixed(1)} s`,
  ]);
  expect(rate(steps)).toBeLessThan(REQUESTS_A_SECOND);
  expect(steps).toBeGreaterThan(0);
  expect(defaultRound).toBeLessThanOrEqual(300_000 * PATIENCE);
  expect(round).toBeLessThanOrEqual(ROUND_MS * PATIENCE);
});

interface Costs {
  /** Looks at the index. */
  steps: number;
  /** What the audit asks for: slices of ids, and verdicts on them. */
  scans: number;
  settles: number;
  /** On how many devices verdicts were passed. */
  devices: number;
}

/**
 * Told apart by what only they do: a step looks at the index twice (ZRANGEBYSCORE), the audit reads slices
 * (SSCAN, and SCARD for each round outside scripts), a verdict reads each device's PTTL; all other scripts
 * that run here are verdicts.
 */
async function costs(client: Redis, ms: number): Promise<Costs> {
  const before = await calls(client);
  await sleep(ms);
  const after = await calls(client);
  const grown = (command: string) => (after.get(command) ?? 0) - (before.get(command) ?? 0);
  const steps = grown('zrangebyscore') / 2;
  return {
    steps,
    scans: grown('sscan'),
    settles: grown('evalsha') + grown('eval') - steps,
    devices: grown('pttl'),
  };
}

async function calls(client: Redis): Promise<Map<string, number>> {
  const info = await client.info('commandstats');
  const found = info.matchAll(/^cmdstat_(\S+):calls=(\d+)/gm);
  return new Map([...found].map(([, command, count]) => [command as string, Number(count)]));
}
