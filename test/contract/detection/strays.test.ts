/** Ids that are not registered and beat as the article's program does: they leave every set when their key is gone. */
import { beforeEach, expect, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { openDetector } from '../../support/detector.js';
import { numberedIds, openFleet, type SingleFleet, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
});

/** What the article's program writes for each heartbeat, be the id registered or not. */
async function beatAsArticle(ids: readonly string[], ttlMs: number): Promise<void> {
  const { keys } = fleet;
  const pipeline = fleet.redis.pipeline();
  for (const id of ids) {
    pipeline.set(keys.heartbeat(id), '1', 'PX', ttlMs);
    pipeline.hset(keys.state(id), { status: 'online', lastSeen: String(Date.now()) });
    pipeline.sadd(keys.online, id);
  }
  await pipeline.exec();
}

test.each(['deadline', 'poll'] as const)(
  '%s removes 3,000 of them, and leaves who is registered',
  async (strategy) => {
    const { keys } = fleet;
    await register(fleet, 'registered', 'lamp');
    await heartbeat(fleet, { id: 'registered', ttl: 600_000 });
    const ids = numberedIds(3000);
    await beatAsArticle(ids, 500);
    await fleet.redis.zadd(keys.activity, Date.now() + 500, ids[0] as string);
    const { events } = await openDetector(fleet, { strategy, auditRound: 1000 });
    await until(async () => (await fleet.redis.scard(keys.online)) === 1);
    expect(await fleet.redis.smembers(keys.online)).toEqual(['registered']);
    await until(async () => (await fleet.redis.zcard(keys.activity)) === 1);
    expect(events).toEqual([]);
  },
);
