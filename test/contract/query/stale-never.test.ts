/** Devices that were never seen are stale by the age of their registration. */
import { describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { staleDevices } from '../../../src/core/query/stale.js';
import { register } from '../../../src/core/registry/register.js';
import { articleProgram } from '../../support/article.mjs';
import { cli } from '../../support/cli.js';
import { allOf, DIALECTS, failure, openFleet, SingleFleet, serverNow } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
const DAY_MS = 86_400_000;

describe.each(DIALECTS)('a %s fleet', (dialect) => {
  /** Registers devices at times before now, in days; those in `seen` were seen then too. */
  async function devices(registered: Record<string, number>, seen: readonly string[] = []) {
    const fleet = await openFleet(redis, { dialect });
    const now = await serverNow(fleet.redis);
    for (const [id, days] of Object.entries(registered)) {
      const then = new SingleFleet(fleet.redis, { dialect, clock: () => now - days * DAY_MS - 1 });
      await register(then, id, 'lamp');
      if (!seen.includes(id)) continue;
      await heartbeat(then, { id, ttl: 1000 });
      await fleet.redis.del(fleet.keys.heartbeat(id));
      await settle(fleet.only, [id], { honourHold: false });
    }
    return fleet;
  }
  const staleIds = async (fleet: SingleFleet, olderThan: number) =>
    (await allOf(staleDevices(fleet, { olderThan }))).map(({ deviceId }) => deviceId);

  test.each(['shared', 'exclusive'] as const)('%s: they are in order among the others', async (writers) => {
    const registered = { new: 0, a: 100, b: 95, c: 80, d: 120, e: 100 };
    const fleet = await devices(registered, ['b', 'd']);
    await declareFleet(fleet, { writers });
    expect(await staleIds(fleet, 0)).toEqual(['d', 'a', 'e', 'b', 'c', 'new']);
    expect(await staleIds(fleet, 90 * DAY_MS)).toEqual(['d', 'a', 'e', 'b']);
    expect(await staleIds(fleet, 100 * DAY_MS)).toEqual(['d', 'a', 'e']);
    const [, never] = await allOf(staleDevices(fleet, { olderThan: 90 * DAY_MS }));
    expect(never).toMatchObject({ lastSeen: null, ageSeconds: expect.closeTo(100 * 86_400, -3) });
  });

  test.each(['shared', 'exclusive'] as const)(
    '%s: unregistering what is stale leaves a device that was just registered',
    async (writers) => {
      const fleet = await devices({ old: 91, new: 0 }, []);
      await declareFleet(fleet, { writers });
      const listed = await devstate.run('stale --older-than 90d -o name');
      expect(listed.stdout).toBe('old\n');
      await devstate.run('unregister - --yes', { stdin: listed.stdout });
      expect(await failure(heartbeat(fleet, { id: 'old' }))).toMatchObject({ code: 'NOT_FOUND' });
      expect(await heartbeat(fleet, { id: 'new' })).toMatchObject({ wasOffline: true });
    },
  );

  test('a record of the article without a time of registration comes first, without an age', async () => {
    const fleet = await devices({ old: 91 });
    const article = articleProgram(await redis.client(), dialect);
    await article.register('unknown', 'lamp');
    const field = dialect === 'node' ? 'registeredAt' : 'registered_at';
    await fleet.redis.hdel(fleet.keys.state('unknown'), field);
    expect(await allOf(staleDevices(fleet))).toMatchObject([
      { deviceId: 'unknown', ageSeconds: null },
      { deviceId: 'old' },
    ]);
  });
});
