/** Disconnect and unregister: a device leaves, for a while or for good. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { HISTORY_KINDS } from '../../../src/core/history/entries.js';
import { disconnect, heartbeat } from '../../../src/core/presence/heartbeats.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { eraseNamespace, register, unregister } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { articleProgram } from '../../support/article.js';
import {
  cut,
  DIALECTS,
  expired,
  failure,
  logOf,
  openFleet,
  scoreOf,
  snapshot,
  storyOf,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

describe.each(DIALECTS)('in a %s fleet', (dialect) => {
  let fleet: Fleet;
  const article = () => articleProgram(fleet.redis, dialect);

  beforeEach(async () => {
    fleet = await openFleet(redis, { dialect });
  });

  describe('disconnect', () => {
    test('is offline now', async () => {
      await register(fleet, 'd1', 'lamp');
      const { lastSeen } = await heartbeat(fleet, { id: 'd1' });
      expect(await disconnect(fleet, 'd1')).toBe(true);
      expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline disconnect']);
      expect(await readDevice(fleet, 'd1')).toMatchObject({ status: 'offline', lastSeen, expiresAt: null });
      expect(await fleet.redis.exists(fleet.keys.heartbeat('d1'), fleet.keys.online)).toBe(0);
      expect(await scoreOf(fleet, 'd1')).toBe(-lastSeen);
    });

    test('of one that is offline does nothing', async () => {
      await register(fleet, 'd1', 'lamp');
      await heartbeat(fleet, { id: 'd1' });
      await disconnect(fleet, 'd1');
      const before = await snapshot(fleet.redis);
      expect(await disconnect(fleet, 'd1')).toBe(false);
      expect(await snapshot(fleet.redis)).toEqual(before);
    });

    test('of one that had lapsed unannounced tells of the lapse', async () => {
      await register(fleet, 'd1', 'lamp');
      const { expiresAt } = await heartbeat(fleet, { id: 'd1', ttl: 20 });
      await expired(fleet, 'd1');
      expect(await disconnect(fleet, 'd1')).toBe(false);
      expect(await logOf(fleet, 'd1')).toMatchObject([
        { seq: 1 },
        { seq: 2, reason: 'timeout', timestamp: expiresAt },
      ]);
    });

    test('of one that another program brought online tells of both', async () => {
      await article().register('d1', 'lamp');
      await article().heartbeat('d1');
      expect(await disconnect(fleet, 'd1')).toBe(true);
      expect(await storyOf(fleet, 'd1')).toEqual(['1 online observed', '2 offline disconnect']);
    });

    test('of one that never beat: nothing to tell', async () => {
      await article().register('d1', 'lamp');
      expect(await disconnect(fleet, 'd1')).toBe(false);
      expect([await logOf(fleet), await scoreOf(fleet, 'd1')]).toEqual([[], 0]);
    });
  });

  describe('unregister', () => {
    const leftovers = async () =>
      (await fleet.redis.keys('*')).filter((key) => !/presence:log|pulse|meta/.test(key));

    test('takes all that there is of a device, and tells of it', async () => {
      await register(fleet, 'd1', 'lamp');
      await heartbeat(fleet, { id: 'd1', reportedJson: '{"a":1}' });
      await setDesired(fleet, 'd1', { on: true });
      await unregister(fleet, 'd1');
      expect(await leftovers()).toEqual([]);
      expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline unregister']);
      expect(await failure(unregister(fleet, 'd1'))).toMatchObject({ code: 'NOT_FOUND' });
    });

    test('leaves the others of its type', async () => {
      for (const id of ['d1', 'd2']) await register(fleet, id, 'lamp');
      await unregister(fleet, 'd1');
      expect(await fleet.redis.smembers(fleet.keys.type('lamp'))).toEqual(['d2']);
      expect(await fleet.redis.smembers(fleet.keys.types)).toEqual(['lamp']);
      expect(await logOf(fleet)).toEqual([]);
    });

    test('of one that had lapsed unannounced tells of the lapse', async () => {
      await register(fleet, 'd1', 'lamp');
      await heartbeat(fleet, { id: 'd1' });
      await cut(fleet, 'd1');
      await unregister(fleet, 'd1');
      expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline timeout']);
    });

    test('takes what another program wrote, an early record too', async () => {
      await article().register('d1', 'lamp');
      await article().heartbeat('d1');
      await article().heartbeat('early');
      await unregister(fleet, 'd1');
      await unregister(fleet, 'early');
      expect(await leftovers()).toEqual([]);
      expect(await logOf(fleet)).toEqual([]);
    });

    test('takes histories that another program made something else of', async () => {
      await register(fleet, 'd1', 'lamp');
      await heartbeat(fleet, { id: 'd1' });
      for (const kind of HISTORY_KINDS) await fleet.redis.set(fleet.keys.history(kind, 'd1'), 'x');
      await unregister(fleet, 'd1');
      expect(await leftovers()).toEqual([]);
      expect(await storyOf(fleet, 'd1')).toEqual(['1 online heartbeat', '2 offline unregister']);
    });

    test('takes it out of the type that it has by then', async () => {
      await register(fleet, 'd1', 'lamp');
      const other = await openFleet(redis, { dialect });
      const read = fleet.pipeline.bind(fleet);
      // After the type was read, and before the script: another one moves the device.
      vi.spyOn(fleet, 'pipeline').mockImplementationOnce(async (commands) => {
        const replies = await read(commands);
        await register(other, 'd1', 'plug');
        return replies;
      });
      await unregister(fleet, 'd1');
      expect(await leftovers()).toEqual([]);
    });

    test('and registered again, it counts from 1', async () => {
      for (let i = 0; i < 2; i++) {
        await register(fleet, 'd1', 'lamp');
        await heartbeat(fleet, { id: 'd1', reportedJson: '{"a":1}' });
        expect(await readDevice(fleet, 'd1')).toMatchObject({ reportedVersion: 1, presenceSeq: 1 });
        await unregister(fleet, 'd1');
      }
      expect(await logOf(fleet)).toHaveLength(4);
    });
  });
});

describe('erasing a namespace', () => {
  test('takes all of it and nothing else, whatever its name looks like', async () => {
    for (const namespace of ['a*', 'a[b]', 'ab', '']) {
      const fleet = await openFleet(redis, { namespace });
      await register(fleet, 'd1', 'lamp');
      await heartbeat(fleet, { id: 'd1' });
    }
    await eraseNamespace(await openFleet(redis, { namespace: 'a*' }));
    await eraseNamespace(await openFleet(redis, { namespace: 'a[b]' }));
    const { redis: raw } = await openFleet(redis);
    const spaces = (await raw.keys('*')).map((key) => key.replace(/devices?:.*/, ''));
    expect([...new Set(spaces)].sort()).toEqual(['', 'ab:']);
  });

  test('is refused where there is none', async () => {
    expect(await failure(eraseNamespace(await openFleet(redis)))).toMatchObject({ code: 'USAGE' });
  });
});
