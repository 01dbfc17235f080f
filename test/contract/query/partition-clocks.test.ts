/** Cluster masters have different clocks: a deadline must be compared with the clock of the server that stores it. */
import { expect, test, vi } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { onlineDevices } from '../../../src/core/query/list.js';
import { staleDevices } from '../../../src/core/query/stale.js';
import { fleetStats } from '../../../src/core/query/stats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import type { Partition } from '../../../src/core/store/partition.js';
import type { RedisRequest } from '../../../src/core/store/replies.js';
import { allOf, openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const CLOCK_SKEW_SECONDS = 3600;

/** Makes TIME in this partition answer one hour ahead. */
function setClockAhead(partition: Partition): void {
  const send = partition.pipeline.bind(partition);
  vi.spyOn(partition, 'pipeline').mockImplementation(async (commands: readonly RedisRequest[]) => {
    const replies = await send(commands);
    return replies.map((reply, i) => {
      if (commands[i]?.[0] !== 'time') return reply;
      const [seconds, microseconds] = reply as [string, string];
      return [String(Number(seconds) + CLOCK_SKEW_SECONDS), microseconds];
    });
  });
}

test('stats and lists compare each index with the clock of its own server', async () => {
  const fleet = await openFleet(redis);
  await declareFleet(fleet, { partitions: 2, writers: 'exclusive' });
  const ids = ['d1', 'd2', 'd3', 'd4', 'd5', 'd6'];
  await registerAll(
    fleet,
    ids.map((id) => ({ id, type: 'lamp' })),
  );
  await heartbeats(
    fleet,
    ids.map((id) => ({ id })),
  );
  const [partitionAhead, otherPartition] = (await fleet.partitions()) as readonly [Partition, Partition];
  const [expiredCount, onlineCount] = await Promise.all(
    [partitionAhead, otherPartition].map(({ redis, keys }) => redis.scard(keys.online)),
  );
  expect([expiredCount, onlineCount].every(Boolean)).toBe(true);
  vi.spyOn(fleet.redis, 'time').mockRejectedValue(new Error('TIME was sent to an arbitrary server'));
  setClockAhead(partitionAhead);
  const counted = { registered: ids.length, online: onlineCount, lapsed: expiredCount };
  expect(await fleetStats(fleet)).toMatchObject([counted]);
  expect(await fleetStats(fleet, { byType: true })).toMatchObject([counted]);
  expect(await allOf(onlineDevices(fleet, { order: 'deadline' }))).toHaveLength(onlineCount as number);
  expect(await allOf(staleDevices(fleet))).toEqual([]);
});
