/** A sweep settles every device whose deadline has passed, and no other. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { sweep } from '../../../src/core/detection/sweep.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { register, registerAll } from '../../../src/core/registry/register.js';
import { articleProgram } from '../../support/article.mjs';
import {
  expired,
  logOf,
  numberedIds,
  openFleet,
  type SingleFleet,
  scoreOf,
  serverNow,
  storyOf,
  until,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

/** Runs a sweep, and returns the ids announced offline. */
async function runSweep(fleet: SingleFleet): Promise<string[]> {
  const found: string[] = [];
  for await (const { deviceId } of sweep(fleet)) found.push(deviceId);
  return found;
}

test('three concurrent sweeps announce each of 450 expired devices once', async () => {
  const fleet = await openFleet(redis);
  const ids = numberedIds(450).sort();
  await Promise.all(ids.map((id) => register(fleet, id, 'lamp')));
  await register(fleet, 'alive', 'lamp');
  await heartbeats(fleet, [...ids.map((id) => ({ id, ttl: 20 })), { id: 'alive' }]);
  await expired(fleet, ids.at(-1) as string);
  for (const id of ids) await expired(fleet, id);
  const rivals = await Promise.all([openFleet(redis), openFleet(redis)]);
  const found = await Promise.all([fleet, ...rivals].map(runSweep));
  expect([...new Set(found.flat())].sort()).toEqual(ids);
  expect(await logOf(fleet)).toHaveLength(2 * ids.length + 1);
  expect(await runSweep(fleet)).toEqual([]);
});

const HOUR_MS = 3_600_000;

test.each([
  ['and all devices stop', false],
  ['and one device sends on', true],
])(
  'the clock is set back by an hour, %s: a sweep gives each its TTL, and later ones announce it',
  async (_which, beatsOn) => {
    const fleet = await openFleet(redis);
    const ids = numberedIds(450); // several pages of the index
    await registerAll(
      fleet,
      [...ids, 'alive'].map((id) => ({ id, type: 'lamp' })),
    );
    const ahead = await openFleet(redis, { clock: () => Date.now() + HOUR_MS });
    await heartbeats(
      ahead,
      ids.map((id) => ({ id, ttl: 500 })),
    );
    if (beatsOn) await heartbeats(fleet, [{ id: 'alive', ttl: 60_000 }]);
    const announced = new Set(await runSweep(fleet));
    await until(async () => {
      for (const id of await runSweep(fleet)) announced.add(id);
      return announced.size === ids.length;
    });
    expect([...announced].sort()).toEqual(ids.sort());
  },
);

/** Returns a function that returns the ids of the devices that were settled by this fleet since, sorted. */
function spyOnSettle(fleet: SingleFleet): () => string[] {
  const { mock } = vi.spyOn(fleet.only, 'runRepeatably');
  return () => mock.calls.flatMap(([, , devices]) => devices.map(({ id }) => id)).sort();
}

test('if the clock was not set back, a sweep leaves devices alone whose TTL is longer than the longest', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  await fleet.redis.set(fleet.keys.heartbeat('d1'), '1', 'EX', 300); // as another program does
  await settle(fleet.only, ['d1']);
  expect(await scoreOf(fleet, 'd1')).toBeGreaterThan((await serverNow(fleet.redis)) + 200_000);
  const settledIds = spyOnSettle(fleet);
  await runSweep(fleet);
  expect(settledIds()).toEqual([]);
});

test('after a set-back, a slow sweep settles no device whose heartbeats arrive meanwhile, and ends', async () => {
  const fleet = await openFleet(redis);
  const late = numberedIds(450).sort(); // several pages of the index
  const alive = Array.from({ length: 250 }, (_, index) => `alive${index}`);
  await registerAll(
    fleet,
    [...late, ...alive].map((id) => ({ id, type: 'lamp' })),
  );
  const ahead = await openFleet(redis, { clock: () => Date.now() + HOUR_MS });
  await heartbeats(
    ahead,
    late.map((id) => ({ id })),
  );

  // Each page seems to take 15 s, in which more devices send heartbeats than a page holds.
  let passedMs = 0;
  let pages = 0;
  const monotonic = performance.now.bind(performance);
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => monotonic() + passedMs);
  onTestFinished(() => void clock.mockRestore());
  const others = await openFleet(redis, { clock: () => Date.now() + passedMs });
  const read = fleet.only.pipeline.bind(fleet.only);
  const slow = vi.spyOn(fleet.only, 'pipeline').mockImplementation(async (commands) => {
    const isPage = commands.some(([name]) => name === 'zrange');
    if (isPage && ++pages <= 10) {
      passedMs += 15_000;
      await heartbeats(
        others,
        alive.map((id) => ({ id })),
      );
    }
    return read(commands);
  });

  const settledIds = spyOnSettle(fleet);
  await runSweep(fleet);
  const settledFirst = settledIds();
  expect(settledFirst.filter((id) => !late.includes(id))).toEqual([]);
  expect(settledFirst.length).toBeGreaterThan(0);
  expect(settledFirst.length).toBeLessThan(late.length); // it ended before it had read all pages

  slow.mockRestore();
  await runSweep(fleet);
  expect(settledIds()).toEqual(late);
});

test('a sweep trusts the heartbeat key, and corrects the index', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'd1', 'lamp');
  await heartbeats(fleet, [{ id: 'd1', ttl: 20 }]);
  await articleProgram(fleet.redis, 'node').heartbeat('d1'); // renews the key without updating the index
  await fleet.redis.zadd(fleet.keys.activity, '5', 'stray', '5', 'd1');
  expect(await runSweep(fleet)).toEqual([]);
  expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat']);
  expect(await scoreOf(fleet, 'd1')).toBeGreaterThan(await serverNow(fleet.redis));
  expect(await scoreOf(fleet, 'stray')).toBeNull();
});
