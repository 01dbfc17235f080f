/** Questions to the whole fleet: exact, whoever wrote what, and in order where one is asked for. */
import { beforeEach, describe, expect, test } from 'vitest';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { countRegistered, listDevices, type Order, onlineDevices } from '../../../src/core/query/list.js';
import { staleDevices } from '../../../src/core/query/stale.js';
import { fleetStats } from '../../../src/core/query/stats.js';
import { registerAll, unregisterAll } from '../../../src/core/registry/register.js';
import { Fleet } from '../../../src/core/store/fleet.js';
import type { Backend } from '../../support/backends.js';
import { allOf, cut, idsOf, serverNow } from '../../support/fleet.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const names = (kind: string, count: number) => Array.from({ length: count }, (_, i) => `${kind}${i}`);
const [NEVER, GONE, LAPSED, UP] = [
  names('never', 150),
  names('gone', 30),
  names('lapsed', 20),
  names('up', 100),
];
const SEEN = [...GONE, ...LAPSED, ...UP];
const ALL = [...NEVER, ...SEEN];
const typeOf = (id: string) => (/[02468]$/.test(id) ? 'lamp' : 'plug');
const lamps = (ids: readonly string[]) => ids.filter((id) => typeOf(id) === 'lamp').sort();
/** In no order, and far apart: what is left of a TTL is known to some ms. */
const ttlOfUp = (place: number) => 10 * MINUTE + ((place * 37) % 100) * 1000;
const hoursAgo = (place: number) => 2 + ((place * 7) % 30);
const idOf = ({ deviceId }: { deviceId: string }) => deviceId;

export function queries({ open }: Backend): void {
  describe.each(['shared', 'exclusive'] as const)('a %s fleet', (writers) => {
    let fleet: Fleet;

    /** Beats of so long ago, ms, that hold for a minute, or so long. */
    async function beaten(ids: readonly string[], ago: number, ttlOf = (_place: number) => MINUTE) {
      const now = await serverNow(fleet.redis);
      const then = new Fleet(fleet.cluster ?? fleet.redis, { ...fleet.options, clock: () => now - ago });
      await heartbeats(
        then,
        ids.map((id, place) => ({ id, ttl: ttlOf(place) })),
      );
    }

    beforeEach(async () => {
      fleet = await open({ writers });
      await registerAll(
        fleet,
        ALL.map((id) => ({ id, type: typeOf(id) })),
      );
      for (const [i, id] of GONE.entries()) await beaten([id], hoursAgo(i) * HOUR);
      for (const id of GONE) await settle(await fleet.of(id), [id]);
      await beaten(LAPSED, HOUR + MINUTE);
      await beaten(UP, 0, ttlOfUp);
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
      expect(await idsOf(onlineDevices(fleet, { type: 'nobody’s' }))).toEqual([]);
      await unregisterAll(fleet, UP.slice(1));
      await cut(await fleet.of('up0'), 'up0');
      expect(await idsOf(onlineDevices(fleet))).toEqual([]);
    });

    test.each([
      ['all', {}, ALL],
      ['of a type', { type: 'lamp' }, lamps(ALL)],
    ])('lists in order, %s', async (_what, options, asked) => {
      const inOrder = async (order: Order) => allOf(listDevices(fleet, { ...options, order }));
      expect((await inOrder('id')).map(idOf)).toEqual([...asked].sort());
      const bySeen = await inOrder('lastSeen');
      const seen = bySeen.map(({ lastSeen }) => lastSeen ?? 0);
      expect([seen.length, seen]).toEqual([asked.length, [...seen].sort((a, b) => a - b)]);
      const byDeadline = UP.map((id, place) => ({ id, ttl: ttlOfUp(place) })).sort((a, b) => a.ttl - b.ttl);
      const expected = byDeadline.map(({ id }) => id).filter((id) => asked.includes(id));
      expect((await inOrder('deadline')).map(idOf).slice(0, expected.length)).toEqual(expected);
      expect((await allOf(onlineDevices(fleet, { ...options, order: 'deadline' }))).map(idOf)).toEqual(
        expected,
      );
    });

    test('finds who is stale: never seen first, then the oldest', async () => {
      const stale = await allOf(staleDevices(fleet));
      expect(stale.slice(0, NEVER.length).map(idOf).sort()).toEqual([...NEVER].sort());
      const rest = stale.slice(NEVER.length);
      expect(rest.map(idOf).sort()).toEqual([...GONE, ...LAPSED].sort());
      const ages = rest.map(({ ageSeconds }) => ageSeconds ?? 0);
      expect(ages).toEqual([...ages].sort((a, b) => b - a));
      const old = await allOf(staleDevices(fleet, { olderThan: 20.5 * HOUR, never: false }));
      expect(old.map(idOf).sort()).toEqual(GONE.filter((_, i) => hoursAgo(i) > 20).sort());
      const typed = await allOf(staleDevices(fleet, { type: 'lamp', never: false }));
      expect(typed.map(idOf).sort()).toEqual(lamps([...GONE, ...LAPSED]));
    });

    test('counts', async () => {
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

  test('a fleet half written by others: exact lists', async () => {
    const fleet = await open();
    const ours = names('ours', 60);
    const theirs = names('theirs', 60);
    await registerAll(
      fleet,
      ours.map((id) => ({ id, type: 'lamp' })),
    );
    await heartbeats(
      fleet,
      ours.slice(0, 30).map((id) => ({ id })),
    );
    const now = await serverNow(fleet.redis);
    for (const [i, id] of theirs.entries()) {
      const { redis, keys } = await fleet.of(id);
      const lastSeen = i < 20 ? now : i < 40 ? now - 2 * HOUR : 0;
      const about = { deviceId: id, deviceType: 'plug', registeredAt: now, status: 'online', lastSeen };
      await redis.hset(keys.state(id), about);
      await redis.sadd(keys.registered, id);
      await redis.sadd(keys.type('plug'), id);
      if (i < 20) await redis.setex(keys.heartbeat(id), 60, '1');
      if (i < 40) await redis.sadd(keys.online, id); // some have lapsed since, and nobody has told
    }
    const all = [...ours, ...theirs];
    const up = [...ours.slice(0, 30), ...theirs.slice(0, 20)];
    const never = [...ours.slice(30), ...theirs.slice(40)];
    expect(await idsOf(listDevices(fleet))).toEqual([...all].sort());
    expect(await idsOf(listDevices(fleet, { type: 'plug' }))).toEqual([...theirs].sort());
    expect(await idsOf(listDevices(fleet, { status: 'never' }))).toEqual([...never].sort());
    expect(await idsOf(onlineDevices(fleet))).toEqual([...up].sort());
    const stale = await allOf(staleDevices(fleet));
    expect(stale.map(idOf).sort()).toEqual(all.filter((id) => !up.includes(id)).sort());
    expect(await fleetStats(fleet)).toMatchObject([
      { registered: 120, online: 50, offline: 70, neverSeen: 50 },
    ]);
  });
}
