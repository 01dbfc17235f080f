/** The article's two ways as choices: they name suspects, and the verdict stays the script's. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DetectOptions } from '../../../src/core/detection/detector.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { type OpenDetector, openDetector } from '../../support/detector.js';
import { cut, ODD_IDS, openFleet, storyOf, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const FLAGS = 'notify-keyspace-events';
const BOTH = ['1 online heartbeat', '2 offline timeout'];

let fleet: Fleet;
let open: OpenDetector[];
beforeEach(async () => {
  fleet = await openFleet(redis);
  await fleet.redis.config('SET', FLAGS, '');
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map((detector) => detector.stop()));
});

async function detector(
  options: DetectOptions,
  connection: Parameters<typeof openFleet>[2] = {},
): Promise<OpenDetector> {
  const opened = await openDetector(await openFleet(redis, { ...fleet.options }, connection), options);
  open.push(opened);
  return opened;
}

/** Online, and in neither the registered set nor the index: no audit and no deadline would find it. */
async function hidden(id: string, ttl: number): Promise<void> {
  await register(fleet, id, 'lamp');
  await heartbeat(fleet, { id, ttl });
  await fleet.redis.srem(fleet.keys.registered, id);
  await fleet.redis.zrem(fleet.keys.activity, id);
}

const flags = async () =>
  [...(((await fleet.redis.config('GET', FLAGS)) as string[])[1] ?? '')].sort().join('');

describe('poll', () => {
  test('finds what is in the online set and gone', async () => {
    const { events, first } = await detector({ strategy: 'poll', interval: 50 });
    for (const id of ODD_IDS) await hidden(id, 60_000);
    await cut(fleet, ...ODD_IDS);
    await first(ODD_IDS.length);
    expect(events.map(({ deviceId }) => deviceId).sort()).toEqual([...ODD_IDS].sort());
    for (const id of ODD_IDS) expect(await storyOf(fleet, id)).toEqual(BOTH);
  });

  test('looks at its interval and no more often', async () => {
    const interval = 200;
    const monitor = await fleet.redis.duplicate().monitor();
    const rounds: number[] = [];
    monitor.on('monitor', (time: string, sent: string[]) => {
      if (sent[0]?.toLowerCase() === 'sscan' && sent[1] === fleet.keys.online)
        rounds.push(1000 * Number(time));
    });
    try {
      await detector({ strategy: 'poll', interval });
      await until(() => rounds.length >= 6);
    } finally {
      monitor.disconnect();
    }
    const [first = 0] = rounds;
    for (const [i, at] of rounds.entries()) expect(at - first).toBeGreaterThan((i - 0.5) * interval);
  });

  test('goes through a set of many in chunks, each round whole', async () => {
    const ids = Array.from({ length: 500 }, (_, i) => `d${i}`);
    await Promise.all(ids.map((id) => hidden(id, 60_000)));
    await cut(fleet, ...ids);
    const { events, first } = await detector({ strategy: 'poll', interval: 100 });
    await first(ids.length);
    expect(new Set(events.map(({ deviceId }) => deviceId)).size).toBe(ids.length);
  });
});

describe('keyspace', () => {
  test.each(ODD_IDS)('hears that %s expired', async (id) => {
    const { first, said } = await detector({ strategy: 'keyspace' });
    await hidden(id, 50);
    await first(1);
    expect(await storyOf(fleet, id)).toEqual(BOTH);
    expect(said).toEqual([]);
  });

  test('on the database that was chosen, and of its namespace alone', async () => {
    const options = { namespace: 'acme' };
    fleet = await openFleet(redis, options, { db: 3 });
    const other = await openFleet(redis, options);
    await register(other, 'd1', 'lamp');
    await heartbeat(other, { id: 'd1' });
    await cut(other, 'd1');
    await register(other, 'd2', 'lamp');
    const { events, first } = await detector({ strategy: 'keyspace' }, { db: 3 });
    await hidden('d1', 50);
    await hidden('d2', 50);
    await first(2);
    expect(events.map(({ deviceId }) => deviceId).sort()).toEqual(['d1', 'd2']);
    expect(await storyOf(fleet, 'd1')).toEqual(BOTH);
    expect(await storyOf(other, 'd1')).toEqual(['1 online heartbeat']);
  });

  test.each([
    ['', 'Ex'],
    ['Kl', 'EKlx'],
    ['Ex', 'Ex'],
    ['KA', 'AEK'],
    ['Kg', 'EKgx'],
    ['E', 'E'.concat('x')],
  ])('adds to the flags %j what it needs: %j', async (before, after) => {
    await fleet.redis.config('SET', FLAGS, before);
    const { first } = await detector({ strategy: 'keyspace' });
    expect(await flags()).toBe(after);
    await hidden('d1', 30);
    await first(1);
  });

  describe('where CONFIG is refused', () => {
    const limited = async (...rules: string[]) => {
      await fleet.redis.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', '~*', '&*', '+@all', ...rules);
      return { username: 'app', password: 'pw' };
    };

    test('says so, and works by deadline alone', async () => {
      const { said, first } = await detector({ strategy: 'keyspace' }, await limited('-config'));
      expect(said).toEqual([
        expect.stringMatching(
          /^keyspace events cannot be had \(permission refused.*\); working by deadline alone$/,
        ),
      ]);
      await register(fleet, 'd1', 'lamp');
      await heartbeat(fleet, { id: 'd1', ttl: 30 });
      await first(1);
      expect([await storyOf(fleet, 'd1'), await flags()]).toEqual([BOTH, '']);
    });

    test('but the flags are there: it listens', async () => {
      await fleet.redis.config('SET', FLAGS, 'Ex');
      const { said, first } = await detector({ strategy: 'keyspace' }, await limited('-config|set'));
      await hidden('d1', 30);
      await first(1);
      expect(said).toEqual([]);
    });
  });
});
