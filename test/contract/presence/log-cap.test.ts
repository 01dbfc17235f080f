/** How many presence events a fleet keeps, and what a feed does if it keeps none. */
import { describe, expect, test, vi } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { register, registerAll } from '../../../src/core/registry/register.js';
import { cli } from '../../support/cli.js';
import { numberedIds, openFeed, openFleet, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';
import { announceRounds } from '../../support/transitions.js';

const redis = useRedis();

/** Opens a fleet that keeps `logCap` events, with 40 devices. */
async function openWith(logCap: number, partitions: number) {
  const fleet = await openFleet(redis);
  if (partitions > 1) await declareFleet(fleet, { partitions });
  await fleet.redis.hset('devices:meta', { logCap });
  fleet.invalidateSettings();
  const ids = numberedIds(40);
  await registerAll(
    fleet,
    ids.map((id) => ({ id, type: 'lamp' })),
  );
  return { fleet, ids };
}

test.each([
  [100, 1, 0],
  [100, 8, 4],
  [1500, 2, 0],
  [1, 8, 7],
])(
  'a cap of %i with %i partitions is that of the fleet, rounded up in each partition',
  async (cap, count, more) => {
    const { fleet, ids } = await openWith(cap, count);
    await announceRounds(fleet, ids, Math.ceil((2 * cap) / ids.length) + 2);
    let kept = 0;
    for (const { redis: client, keys } of await fleet.partitions()) kept += await client.xlen(keys.log);
    expect(kept).toBeLessThanOrEqual(cap + more);
    expect(kept).toBeGreaterThanOrEqual(0.7 * cap);
  },
);

describe.each([1, 4])('a fleet of %i partitions that keeps no log', (partitions) => {
  test('is told to a feed, which returns every event as it comes', async () => {
    const { fleet, ids } = await openWith(0, partitions);
    const onNoLog = vi.fn();
    const feed = await openFeed(fleet, { onNoLog, onGap: () => expect.unreachable() });
    await announceRounds(fleet, ids, 3);
    await until(() => feed.events.length >= 6 * ids.length);
    await feed.stop();
    expect(feed.events).toHaveLength(6 * ids.length);
    for (const id of ids)
      expect(feed.events.filter(({ deviceId }) => deviceId === id).map(({ seq }) => seq)).toEqual([
        1, 2, 3, 4, 5, 6,
      ]);
    expect(onNoLog).toHaveBeenCalledOnce();
  });

  test('is told by watch-presence', async () => {
    const { fleet } = await openWith(0, partitions);
    const watching = cli(redis).run('watch-presence --count 2 --for 60s -o name');
    await register(fleet, 'late', 'lamp');
    const repeat = setInterval(() => void announceRounds(fleet, ['late'], 1), 500);
    const { stdout, stderr } = await watching;
    clearInterval(repeat);
    expect(stdout).toBe('late\nlate\n');
    expect(stderr).toContain('this fleet keeps no log of presence events (logCap 0)');
  });
});

test('a log that is switched off while a feed runs is told as a gap', async () => {
  const { fleet, ids } = await openWith(100, 1);
  const other = await openFleet(redis);
  const onGap = vi.fn();
  const feed = await openFeed(fleet, { onGap });
  await other.redis.hset('devices:meta', { logCap: 0 });
  await announceRounds(other, ids, 1);
  await until(() => onGap.mock.calls.length > 0);
  await feed.stop();
});
