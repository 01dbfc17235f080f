/** A cluster has as many clocks as masters: a deadline is held against that of the server where it is kept. */
import { expect, test, vi } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { onlineDevices } from '../../../src/core/query/list.js';
import { staleDevices } from '../../../src/core/query/stale.js';
import { fleetStats } from '../../../src/core/query/stats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import type { Command, Fleet } from '../../../src/core/store/fleet.js';
import { allOf, openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const AHEAD_SECONDS = 3600;

/** As if its server's clock were ahead. */
function setAhead(partition: Fleet): void {
  const send = partition.pipeline.bind(partition);
  vi.spyOn(partition, 'pipeline').mockImplementation(async (commands: readonly Command[]) => {
    const replies = await send(commands);
    return replies.map((reply, i) => {
      if (commands[i]?.[0] !== 'time') return reply;
      const [seconds, microseconds] = reply as [string, string];
      return [String(Number(seconds) + AHEAD_SECONDS), microseconds];
    });
  });
}

test('an index is read by its own server’s', async () => {
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
  const [one, other] = (await fleet.partitions()) as [Fleet, Fleet];
  const [here, there] = await Promise.all([one, other].map(({ redis, keys }) => redis.scard(keys.online)));
  expect([here, there].every(Boolean)).toBe(true);
  vi.spyOn(fleet.redis, 'time').mockRejectedValue(new Error('of which server?'));
  setAhead(one);
  const counted = { registered: ids.length, online: there, lapsed: here };
  expect(await fleetStats(fleet)).toMatchObject([counted]);
  expect(await fleetStats(fleet, { byType: true })).toMatchObject([counted]);
  expect(await allOf(onlineDevices(fleet, { order: 'deadline' }))).toHaveLength(there as number);
  expect(await allOf(staleDevices(fleet))).toEqual([]);
});
