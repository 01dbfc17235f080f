/** The strategies poll and keyspace: how they find candidates, which the settle script then judges. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { DetectOptions } from '../../../src/core/detection/detect-options.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { type OpenDetector, openDetector } from '../../support/detector.js';
import {
  cut,
  numberedIds,
  ODD_IDS,
  openFleet,
  type SingleFleet,
  storyOf,
  until,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const FLAGS_SETTING = 'notify-keyspace-events';
const ONLINE_THEN_TIMEOUT = ['1 online heartbeat', '2 offline timeout'];

let fleet: SingleFleet;
beforeEach(async () => {
  fleet = await openFleet(redis);
  await fleet.redis.config('SET', FLAGS_SETTING, '');
});

async function detector(
  options: DetectOptions,
  connection: Parameters<typeof openFleet>[2] = {},
): Promise<OpenDetector> {
  return openDetector(await openFleet(redis, { ...fleet.options }, connection), options);
}

/** Sends a heartbeat of a device that is in neither the registered set nor the index. */
async function onlineOutsideIndex(id: string, ttl: number): Promise<void> {
  await register(fleet, id, 'lamp');
  await heartbeat(fleet, { id, ttl });
  await fleet.redis.srem(fleet.keys.registered, id);
  await fleet.redis.zrem(fleet.keys.activity, id);
}

const readFlags = async () =>
  [...(((await fleet.redis.config('GET', FLAGS_SETTING)) as string[])[1] ?? '')].sort().join('');

describe('poll', () => {
  test('finds ids in the online set without a heartbeat key', async () => {
    const { events, first } = await detector({ strategy: 'poll', interval: 50 });
    for (const id of ODD_IDS) await onlineOutsideIndex(id, 60_000);
    await cut(fleet, ...ODD_IDS);
    await first(ODD_IDS.length);
    expect(events.map(({ deviceId }) => deviceId).sort()).toEqual([...ODD_IDS].sort());
    for (const id of ODD_IDS) expect(await storyOf(fleet, id)).toEqual(ONLINE_THEN_TIMEOUT);
  });

  test('scans the online set once per interval', async () => {
    const intervalMs = 200;
    const monitor = await fleet.redis.duplicate().monitor();
    const scanTimes: number[] = [];
    monitor.on('monitor', (time: string, sent: string[]) => {
      if (sent[0]?.toLowerCase() === 'sscan' && sent[1] === fleet.keys.online)
        scanTimes.push(1000 * Number(time));
    });
    try {
      await detector({ strategy: 'poll', interval: intervalMs });
      await until(() => scanTimes.length >= 6);
    } finally {
      monitor.disconnect();
    }
    // The audit scans the set too, once a second.
    const [first = 0] = scanTimes;
    for (const [i, at] of scanTimes.entries())
      expect(i).toBeLessThan((at - first) / intervalMs + (at - first) / 1000 + 1.5);
  });

  test('finds all of 500 devices', async () => {
    const ids = numberedIds(500);
    await Promise.all(ids.map((id) => onlineOutsideIndex(id, 60_000)));
    await cut(fleet, ...ids);
    const { events, first } = await detector({ strategy: 'poll', interval: 100 });
    await first(ids.length);
    expect(new Set(events.map(({ deviceId }) => deviceId)).size).toBe(ids.length);
  });
});

describe('keyspace', () => {
  test.each(ODD_IDS)('finds the expired device %s', async (id) => {
    const { first, said } = await detector({ strategy: 'keyspace' });
    await onlineOutsideIndex(id, 50);
    await first(1);
    expect(await storyOf(fleet, id)).toEqual(ONLINE_THEN_TIMEOUT);
    expect(said).toEqual([]);
  });

  test('finds devices of its database and namespace only', async () => {
    const options = { namespace: 'acme' };
    fleet = await openFleet(redis, options, { db: 3 });
    const other = await openFleet(redis, options);
    await register(other, 'd1', 'lamp');
    await heartbeat(other, { id: 'd1' });
    await cut(other, 'd1');
    await register(other, 'd2', 'lamp');
    const { events, first } = await detector({ strategy: 'keyspace' }, { db: 3 });
    await onlineOutsideIndex('d1', 50);
    await onlineOutsideIndex('d2', 50);
    await first(2);
    expect(events.map(({ deviceId }) => deviceId).sort()).toEqual(['d1', 'd2']);
    expect(await storyOf(fleet, 'd1')).toEqual(ONLINE_THEN_TIMEOUT);
    expect(await storyOf(other, 'd1')).toEqual(['1 online heartbeat']);
  });

  test.each([
    ['', 'Ex'],
    ['Kl', 'EKlx'],
    ['Ex', 'Ex'],
    ['KA', 'AEK'],
    ['Kg', 'EKgx'],
    ['E', 'Ex'],
  ])('changes the flags %j to %j', async (before, after) => {
    await fleet.redis.config('SET', FLAGS_SETTING, before);
    const { first } = await detector({ strategy: 'keyspace' });
    expect(await readFlags()).toBe(after);
    await onlineOutsideIndex('d1', 30);
    await first(1);
  });

  describe('when CONFIG is refused', () => {
    const limited = async (...rules: string[]) => {
      await fleet.redis.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', '~*', '&*', '+@all', ...rules);
      return { username: 'app', password: 'pw' };
    };

    test('gives a notice, and works by deadlines', async () => {
      const { said, first } = await detector({ strategy: 'keyspace' }, await limited('-config'));
      expect(said).toEqual([
        expect.stringMatching(
          /^keyspace events are not available \(permission refused.*\); using deadlines only$/,
        ),
      ]);
      await register(fleet, 'd1', 'lamp');
      await heartbeat(fleet, { id: 'd1', ttl: 30 });
      await first(1);
      expect([await storyOf(fleet, 'd1'), await readFlags()]).toEqual([ONLINE_THEN_TIMEOUT, '']);
    });

    test('subscribes, if the flags are set already', async () => {
      await fleet.redis.config('SET', FLAGS_SETTING, 'Ex');
      const { said, first } = await detector({ strategy: 'keyspace' }, await limited('-config|set'));
      await onlineOutsideIndex('d1', 30);
      await first(1);
      expect(said).toEqual([]);
    });
  });
});
