/** The deadline of a device in the index, and the timestamp of its timeout, while the server or its scripts are stalled. */
import { beforeEach, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { unwrapOne } from '../../../src/core/async/item-results.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { articleProgram } from '../../support/article.mjs';
import { DETECTOR_CLIENT, openDetector } from '../../support/detector.js';
import {
  bringOnline,
  logOf,
  numberedIds,
  openFleet,
  type SingleFleet,
  scoreOf,
  serverNow,
  until,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

/** Keeps the server busy for 40 ms. */
const BUSY = `
  local function time() local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end
  local start = time()
  repeat until time() - start > 40`;

const redis = useRedis();
let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
});

test('a heartbeat of another program that is found late in a long script has its exact deadline', async () => {
  await registerAll(
    fleet,
    ['large', 'foreign'].map((id) => ({ id, type: 'lamp' })),
  );
  const { redis: client, keys } = fleet;
  // To read this record takes the script tens of ms, before it reads the other device.
  await client.hset(keys.state('large'), 'deviceType', Buffer.alloc(30_000_000, 'x'));
  await articleProgram(client, 'node').heartbeat('foreign');
  const deadline = (await serverNow(client)) + 60_000;
  await client.set(keys.heartbeat('foreign'), '1', 'PXAT', deadline);
  await settle(fleet.only, ['large', 'foreign']);
  expect(Math.abs(((await scoreOf(fleet, 'foreign')) ?? 0) - deadline)).toBeLessThanOrEqual(2);
});

test('a heartbeat of another program that ends while its record is read gets no later deadline', async () => {
  const { redis: client, keys } = fleet;
  const ttl = 50;
  await registerAll(fleet, [{ id: 'foreign', type: 'lamp' }]);
  // To read this record takes the script longer than the TTL. It reads the heartbeat key before and after that.
  await client.hset(keys.state('foreign'), 'deviceType', Buffer.alloc(100_000_000, 'x'));
  const [, sentAt, { verdicts }] = await Promise.all([
    client.set(keys.heartbeat('foreign'), '1', 'PX', ttl),
    serverNow(client),
    settle(fleet.only, ['foreign']),
  ]);
  expect(verdicts).toEqual(['online']);
  expect(await serverNow(client)).toBeGreaterThan(sentAt + ttl);
  const score = await scoreOf(fleet, 'foreign');
  expect(score).toBeGreaterThan(sentAt);
  expect(score).toBeLessThanOrEqual(sentAt + ttl + 2);
});

test('under load, eight detectors announce each timeout once, with its deadline', async () => {
  await declareFleet(fleet, { hold: 0 });
  const ids = numberedIds(200);
  const [ours, foreign] = [ids.slice(0, 100), ids.slice(100)];
  await bringOnline(fleet, ids, () => 60_000);
  const detectors = await Promise.all(
    Array.from({ length: 8 }, async () => openDetector(await openFleet(redis, {}, DETECTOR_CLIENT))),
  );
  const load = new AbortController();
  const client = await redis.client();
  const busy = (async () => {
    while (!load.signal.aborted) await client.eval(BUSY, 0);
  })();

  // A device may also time out between two rounds, if the machine is slow: each of its deadlines is noted.
  const deadlines = new Map(ids.map((id) => [id, [] as number[]]));
  for (let round = 0; round < 5; round++) {
    const beats = ours.map((id, i) => ({ id, ttl: 1000 + 10 * i }));
    for (const beat of await heartbeats(fleet, beats)) {
      const { deviceId, expiresAt } = unwrapOne([beat]);
      deadlines.get(deviceId)?.push(expiresAt);
    }
    // The program of the article publishes its heartbeat, so that the detectors settle the device within its TTL.
    const now = await serverNow(fleet.redis);
    const commands = foreign.flatMap((id, i) => {
      const deadline = now + 4000 + 10 * i;
      deadlines.get(id)?.push(deadline);
      const message = JSON.stringify({ type: 'presence', deviceId: id, status: 'online', timestamp: now });
      return [
        ['set', fleet.keys.heartbeat(id), '1', 'PXAT', deadline],
        ['publish', fleet.keys.presenceChannel, message],
      ];
    });
    await fleet.redis.pipeline(commands).exec();
  }
  await until(async () => (await fleet.redis.scard(fleet.keys.online)) === 0);
  load.abort();
  await busy;
  for (const { stop } of detectors) await stop();

  const log = await logOf(fleet);
  const timeouts = log.filter(({ reason }) => reason === 'timeout');
  const notOfLast = ids.filter((id) => {
    const last = timeouts.findLast(({ deviceId }) => deviceId === id);
    return Math.abs((last?.timestamp ?? 0) - (deadlines.get(id)?.at(-1) ?? 0)) > 2;
  });
  const notOfAny = timeouts.filter(
    ({ deviceId, timestamp }) =>
      !deadlines.get(deviceId)?.some((deadline) => Math.abs(timestamp - deadline) <= 2),
  );
  expect([notOfLast, notOfAny]).toEqual([[], []]);
  expect(new Set(log.map(({ deviceId, seq }) => `${deviceId} ${seq}`)).size).toBe(log.length);
});
