/** Lists, stale queries and stats over the whole fleet, ordered and unordered. */
import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { listDevices, type Order, onlineDevices } from '../../../src/core/query/list.js';
import { countRegistered } from '../../../src/core/query/registered-ids.js';
import { staleDevices } from '../../../src/core/query/stale.js';
import { fleetStats } from '../../../src/core/query/stats.js';
import { registerAll } from '../../../src/core/registry/register.js';
import { unregisterAll } from '../../../src/core/registry/unregister.js';
import { Fleet } from '../../../src/core/store/fleet.js';
import type { Backend } from '../../support/backends.js';
import { allOf, cut, idsOf, serverNow } from '../../support/fleet.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const numberedIds = (kind: string, count: number) => Array.from({ length: count }, (_, i) => `${kind}${i}`);
const [NEVER, GONE, LAPSED, UP] = [
  numberedIds('never', 150),
  numberedIds('gone', 30),
  numberedIds('lapsed', 20),
  numberedIds('up', 100),
];
const SEEN = [...GONE, ...LAPSED, ...UP];
const ALL = [...NEVER, ...SEEN];
const typeOf = (id: string) => (/[02468]$/.test(id) ? 'lamp' : 'plug');
const lamps = (ids: readonly string[]) => ids.filter((id) => typeOf(id) === 'lamp').sort();
/** TTLs in mixed order and a second apart, because expiresAt is computed from a remaining TTL and may be off by some ms. */
const ttlOfUp = (index: number) => 10 * MINUTE_MS + ((index * 37) % 100) * 1000;
const hoursAgo = (index: number) => 2 + ((index * 7) % 30);
const idOf = ({ deviceId }: { deviceId: string }) => deviceId;

export function queryTests({ open }: Backend): void {
  describe.each(['shared', 'exclusive'] as const)('a fleet with %s writers', (writers) => {
    let fleet: Fleet;

    /** Sends heartbeats as of `agoMs` before now, with the TTL for each index, ms. */
    async function beatInThePast(
      ids: readonly string[],
      agoMs: number,
      ttlOf = (_index: number) => MINUTE_MS,
    ) {
      const now = await serverNow(fleet.redis);
      const then = new Fleet(fleet.link, fleet.options, () => now - agoMs);
      await heartbeats(
        then,
        ids.map((id, index) => ({ id, ttl: ttlOf(index) })),
      );
    }

    beforeEach(async () => {
      fleet = await open({ writers });
      const registeredAt = (await serverNow(fleet.redis)) - 40 * HOUR_MS;
      await registerAll(
        new Fleet(fleet.link, fleet.options, () => registeredAt),
        ALL.map((id) => ({ id, type: typeOf(id) })),
      );
      for (const [i, id] of GONE.entries()) await beatInThePast([id], hoursAgo(i) * HOUR_MS);
      for (const id of GONE) await settle(await fleet.partitionFor(id), [id]);
      await beatInThePast(LAPSED, HOUR_MS + MINUTE_MS);
      await beatInThePast(UP, 0, ttlOfUp);
    });

    test('lists by status and type', async () => {
      expect(await countRegistered(fleet)).toBe(ALL.length);
      expect(await idsOf(listDevices(fleet))).toEqual([...ALL].sort());
      expect(await idsOf(listDevices(fleet, { type: 'lamp' }))).toEqual(lamps(ALL));
      expect(await idsOf(listDevices(fleet, { status: 'online' }))).toEqual([...UP].sort());
      expect(await idsOf(listDevices(fleet, { status: 'never' }))).toEqual([...NEVER].sort());
      expect(await idsOf(listDevices(fleet, { status: 'offline', type: 'lamp' }))).toEqual(
        lamps([...NEVER, ...GONE, ...LAPSED]),
      );
      expect(await idsOf(onlineDevices(fleet))).toEqual([...UP].sort());
      expect(await idsOf(onlineDevices(fleet, { type: 'lamp' }))).toEqual(lamps(UP));
      expect(await idsOf(onlineDevices(fleet, { type: 'unused' }))).toEqual([]);
      await unregisterAll(fleet, UP.slice(1));
      await cut(await fleet.partitionFor('up0'), 'up0');
      expect(await idsOf(onlineDevices(fleet))).toEqual([]);
    });

    test.each([
      ['all', {}, ALL],
      ['one type', { type: 'lamp' }, lamps(ALL)],
    ])('lists in order: %s', async (_what, options, asked) => {
      const inOrder = async (order: Order) => allOf(listDevices(fleet, { ...options, order }));
      expect((await inOrder('id')).map(idOf)).toEqual([...asked].sort());
      const bySeen = await inOrder('lastSeen');
      const seen = bySeen.map(({ lastSeen }) => lastSeen ?? 0);
      expect([seen.length, seen]).toEqual([asked.length, [...seen].sort((a, b) => a - b)]);
      const byDeadline = UP.map((id, index) => ({ id, ttl: ttlOfUp(index) })).sort((a, b) => a.ttl - b.ttl);
      const expected = byDeadline.map(({ id }) => id).filter((id) => asked.includes(id));
      expect((await inOrder('deadline')).map(idOf).slice(0, expected.length)).toEqual(expected);
      expect((await allOf(onlineDevices(fleet, { ...options, order: 'deadline' }))).map(idOf)).toEqual(
        expected,
      );
    });

    test('lists stale devices by the time since they were last seen, or else registered', async () => {
      const stale = await allOf(staleDevices(fleet));
      expect(stale.slice(0, NEVER.length).map(idOf).sort()).toEqual([...NEVER].sort());
      const rest = stale.slice(NEVER.length);
      expect(rest.map(idOf).sort()).toEqual([...GONE, ...LAPSED].sort());
      const ages = rest.map(({ ageSeconds }) => ageSeconds ?? 0);
      expect(ages).toEqual([...ages].sort((a, b) => b - a));
      const old = await allOf(staleDevices(fleet, { olderThan: 20.5 * HOUR_MS, never: false }));
      expect(old.map(idOf).sort()).toEqual(GONE.filter((_, i) => hoursAgo(i) > 20).sort());
      const typed = await allOf(staleDevices(fleet, { type: 'lamp', never: false }));
      expect(typed.map(idOf).sort()).toEqual(lamps([...GONE, ...LAPSED]));
    });

    test('counts devices of the fleet and of each type', async () => {
      const row = (ids: readonly string[]) => {
        const count = (list: readonly string[]) => list.filter((id) => ids.includes(id)).length;
        const [registered, online] = [ids.length, count(UP)];
        const kinds = { neverSeen: count(NEVER), lapsed: count(LAPSED) };
        return { registered, online, offline: registered - online, ...kinds };
      };
      expect(await fleetStats(fleet)).toMatchObject([row(ALL)]);
      expect(await fleetStats(fleet, { byType: true })).toMatchObject([
        { deviceType: 'lamp', ...row(lamps(ALL)) },
        { deviceType: 'plug', ...row(ALL.filter((id) => typeOf(id) === 'plug')) },
      ]);
    });
  });

  test('lists are exact, when another program wrote half of the records', async () => {
    const fleet = await open();
    const ours = numberedIds('ours', 60);
    const theirs = numberedIds('theirs', 60);
    await registerAll(
      fleet,
      ours.map((id) => ({ id, type: 'lamp' })),
    );
    await heartbeats(
      fleet,
      ours.slice(0, 30).map((id) => ({ id })),
    );
    const now = await serverNow(fleet.redis);
    const registeredAt = now - 2 * HOUR_MS;
    for (const [i, id] of theirs.entries()) {
      const { redis, keys } = await fleet.partitionFor(id);
      const lastSeen = i < 20 ? now : i < 40 ? now - 2 * HOUR_MS : 0;
      const record = { deviceId: id, deviceType: 'plug', registeredAt, status: 'online', lastSeen };
      await redis.hset(keys.state(id), record);
      await redis.sadd(keys.registered, id);
      await redis.sadd(keys.type('plug'), id);
      if (i < 20) await redis.setex(keys.heartbeat(id), 60, '1');
      if (i < 40) await redis.sadd(keys.online, id); // of these, 20 have expired and were not settled
    }
    const all = [...ours, ...theirs];
    const up = [...ours.slice(0, 30), ...theirs.slice(0, 20)];
    const never = [...ours.slice(30), ...theirs.slice(40)];
    expect(await idsOf(listDevices(fleet))).toEqual([...all].sort());
    expect(await idsOf(listDevices(fleet, { type: 'plug' }))).toEqual([...theirs].sort());
    expect(await idsOf(listDevices(fleet, { status: 'never' }))).toEqual([...never].sort());
    expect(await idsOf(onlineDevices(fleet))).toEqual([...up].sort());
    const stale = await allOf(staleDevices(fleet));
    expect(stale.map(idOf).sort()).toEqual(theirs.slice(20).sort());
    expect(await fleetStats(fleet)).toMatchObject([
      { registered: 120, online: 50, offline: 70, neverSeen: 50 },
    ]);
  });
}
