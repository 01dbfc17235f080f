/** A shifted clock shifts what Redis and Node take from it, and nothing else. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PrivateServer, startServer } from '../../../src/redis/private-server.js';
import { serverNow, until } from '../fleet.js';
import { briefly } from '../redis.js';
import { shiftableEnv, shiftClock, shiftedClient } from './shifted-clock.js';

const HOUR_MS = 3_600_000;
/** What a busy machine adds between two readings of a clock, ms. */
const MARGIN_MS = 20_000;

let server: PrivateServer;
beforeAll(async () => {
  server = await startServer({}, shiftableEnv());
});
afterAll(() => server.stop());

function expectNear(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThan(MARGIN_MS);
}

test("TIME, in a script too, and the server's TTLs follow the clock, back too and over a restart", () =>
  briefly(server.url, async (redis) => {
    await redis.set('minute', '1', 'PX', 60_000);
    await redis.set('day', '1', 'PX', 24 * HOUR_MS);

    await shiftClock(server, HOUR_MS);
    expectNear(await serverNow(redis), Date.now() + HOUR_MS);
    expectNear(1000 * Number(await redis.eval("return redis.call('TIME')[1]", 0)), Date.now() + HOUR_MS);
    expect(await redis.exists('minute')).toBe(0);
    expectNear(await redis.pttl('day'), 23 * HOUR_MS);
    await redis.set('exact', '1', 'PXAT', Date.now() + HOUR_MS + 60_000);
    expectNear(await redis.pttl('exact'), 60_000);

    await shiftClock(server, -HOUR_MS);
    expectNear(await serverNow(redis), Date.now() - HOUR_MS);
    expectNear(await redis.pttl('exact'), 2 * HOUR_MS + 60_000);
    await redis.set('brief', '1', 'PX', 1);
    await until(async () => (await redis.exists('brief')) === 0);

    await server.kill();
    await server.restart();
    expectNear(await briefly(server.url, serverNow), Date.now() - HOUR_MS);
    await shiftClock(server, 0);
    expectNear(await briefly(server.url, serverNow), Date.now());
  }));

test.each([20 * 60_000, -20 * 60_000])('the clock of a Node process is off by %i ms', (ms) => {
  const read = `console.log(JSON.stringify([
    Date.now(), new Date().getTime(), Date.parse(Date()), new Date(5).getTime(),
    new Date() instanceof Date, new Date().constructor === Date, performance.now()]))`;
  const env = { ...process.env, ...shiftedClient(ms) };
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', read], { env, encoding: 'utf8' });
  expect(stderr).toBe('');
  const [now, created, called, ...rest] = JSON.parse(stdout);
  for (const moment of [now, created, called]) expectNear(moment, Date.now() + ms);
  expect(rest).toEqual([5, true, true, expect.any(Number)]);
  expect(rest[3]).toBeLessThan(MARGIN_MS);
});
