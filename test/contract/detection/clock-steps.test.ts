/**
 * The server's clock is set an hour forward or back for three seconds, and then right again. No device that beats on is
 * announced offline, and a device that dies afterwards is announced as at any other time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { closeConnection } from '../../../src/core/store/close-connection.js';
import { connect } from '../../../src/redis/client.js';
import { startServer } from '../../../src/redis/private-server.js';
import { parseTarget } from '../../../src/redis/target-url.js';
import { shiftableEnv, shiftClock } from '../../support/faults/shifted-clock.js';
import { BeatingFleet } from '../../support/hold/beating-fleet.js';

const HOUR_MS = 3_600_000;
const TTL_MS = 1000;
const EVERY_MS = TTL_MS / 4;
const WARM_UP_MS = 4 * TTL_MS;
const SHIFTED_MS = 3000;
/** What a busy machine may add, ms. */
const MARGIN_MS = 2000;

test.each([
  ['forward', HOUR_MS, 3 * EVERY_MS],
  ['back', -HOUR_MS, 3 * EVERY_MS],
  ['forward', HOUR_MS, 0], // its last heartbeat was before
])('the clock is set an hour %s and right again, and a device dies', async (_direction, ms, diesInMs) => {
  const server = await startServer({}, shiftableEnv());
  onTestFinished(() => server.stop());
  const link = await connect(parseTarget(server.url), {
    timeoutMs: 1000,
    signal: new AbortController().signal,
  });
  onTestFinished(() => closeConnection(link.client));
  const plan = {
    namespace: 'steps',
    ttlMs: TTL_MS,
    everyMs: EVERY_MS,
    phaseMs: () => Math.random() * EVERY_MS,
    devices: 8,
  };
  const fleet = await BeatingFleet.start(plan, { devices: link, detector: link, observer: link }, 1000);
  await sleep(WARM_UP_MS);
  await shiftClock(server, ms);
  await sleep(SHIFTED_MS);
  await shiftClock(server, 0);
  fleet.letDie(diesInMs);
  const dead = await fleet.announced(1);
  const told = Date.now();
  const stories = await fleet.end();
  expect(dead.map(({ deviceId }) => deviceId)).toEqual(['d0']);
  const deadline = (stories[0]?.lastSeen ?? 0) + TTL_MS;
  expect(Math.abs((dead[0]?.timestamp ?? 0) - deadline)).toBeLessThanOrEqual(2);
  expect(told - deadline).toBeLessThan(TTL_MS + MARGIN_MS);
  const falsely = stories.filter(({ isDead, events }) => !isDead && events.length > 1);
  expect(falsely).toEqual([]);
});
