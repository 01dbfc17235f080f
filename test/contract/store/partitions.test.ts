/** A fleet with partitions on one server: a device's keys are in its partition, and queries cover all partitions. */
import { beforeEach, describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { readHistory } from '../../../src/core/history/read-history.js';
import { stateAt } from '../../../src/core/history/state-at.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import { disconnectAll } from '../../../src/core/presence/disconnect.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { listDevices, onlineDevices } from '../../../src/core/query/list.js';
import { readDevice, readWholeDevices } from '../../../src/core/query/read-devices.js';
import { countRegistered } from '../../../src/core/query/registered-ids.js';
import { staleDevices } from '../../../src/core/query/stale.js';
import { fleetStats } from '../../../src/core/query/stats.js';
import { register, registerAll } from '../../../src/core/registry/register.js';
import { unregisterAll } from '../../../src/core/registry/unregister.js';
import { delta } from '../../../src/core/shadow/delta.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { mapItemsByPartition } from '../../../src/core/store/by-partition.js';
import { partitionNumber } from '../../../src/core/store/partition-number.js';
import {
  allOf,
  cut,
  failure,
  idsOf,
  ODD_IDS,
  openFleet,
  type SingleFleet,
  serverNow,
  until,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const PARTITIONS = 16;
const IDS = [...ODD_IDS, ...Array.from({ length: 300 }, (_, i) => `d${i}`)];

test('partitionNumber gives the documented partition of an id', () => {
  expect(['d1', 'aa:bb:cc:dd:ee:ff', '温度-1', ''].map((id) => partitionNumber(id, 64))).toEqual([
    31, 17, 52, 11,
  ]);
  expect(partitionNumber('anything', 1)).toBe(0);
});

test('partitionNumber spreads ids evenly', () => {
  const counts = new Array<number>(64).fill(0);
  for (let i = 0; i < 64_000; i++) {
    const number = partitionNumber(`sensor-${i}`, 64);
    counts[number] = (counts[number] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(850);
  expect(Math.max(...counts)).toBeLessThan(1150);
});

describe.each(['shared', 'exclusive'] as const)('a fleet with partitions and %s writers', (writers) => {
  let fleet: SingleFleet;
  /** A fleet without partitions that holds the same devices, to compare with. */
  let unpartitioned: SingleFleet;

  beforeEach(async () => {
    fleet = await openFleet(redis, { namespace: 'many' });
    unpartitioned = await openFleet(redis, { namespace: 'one' });
    await declareFleet(fleet, { writers, partitions: PARTITIONS });
    await declareFleet(unpartitioned, { writers });
    for (const each of [fleet, unpartitioned]) {
      const registrants = IDS.map((id, i) => ({ id, type: i % 3 === 0 ? 'lamp' : 'plug' }));
      expect(await registerAll(each, registrants)).toMatchObject(IDS.map((deviceId) => ({ deviceId })));
    }
  });

  test('answers queries like a fleet without partitions', async () => {
    for (const each of [fleet, unpartitioned]) {
      for (const id of IDS.slice(0, 200)) await heartbeats(each, [{ id, reportedJson: '{"on":true}' }]);
      for (const id of IDS.slice(0, 100)) await cut(await each.partitionFor(id), id);
      expect((await settle(await each.partitionFor('d0'), ['d0'])).verdicts).toEqual(['offline']);
      expect(await disconnectAll(each, ['d1', 'nobody'])).toMatchObject([false, { code: 'NOT_FOUND' }]);
    }
    const now = await serverNow(fleet.redis);
    await until(async () => (await serverNow(fleet.redis)) > now);
    const expectSame = async <T>(ask: (each: SingleFleet) => Promise<T>) =>
      expect(await ask(fleet)).toEqual(await ask(unpartitioned));
    await expectSame(countRegistered);
    await expectSame((each) => idsOf(listDevices(each)));
    await expectSame((each) => idsOf(listDevices(each, { type: 'lamp', status: 'offline' })));
    await expectSame((each) => idsOf(onlineDevices(each)));
    await expectSame(async (each) => (await fleetStats(each)).map((row) => ({ ...row, at: 0 })));
    await expectSame(async (each) =>
      (await fleetStats(each, { byType: true })).map((row) => ({ ...row, at: 0 })),
    );
    const stale = await allOf(staleDevices(fleet, { olderThan: 0 }));
    expect(stale.map(({ deviceId }) => deviceId).sort()).toEqual([...IDS].sort());
    const seen = stale.map(({ lastSeen }) => lastSeen ?? 0);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    const listed = await allOf(listDevices(fleet, { order: 'deadline', status: 'online' }));
    const deadlines = listed.map(({ expiresAt }) => expiresAt ?? 0);
    // expiresAt is computed from the key's remaining TTL, so it may be off by 1 ms.
    expect(deadlines.filter((deadline, i) => deadline < (deadlines[i - 1] ?? 0) - 1)).toEqual([]);
    expect(deadlines).not.toEqual([]);
  });

  test('keeps all keys of a device in its partition', async () => {
    const id = '{x}';
    const { keys } = await fleet.partitionFor(id);
    await heartbeats(fleet, [{ id, reportedJson: '{"n":0.10}' }]);
    await setDesired(fleet, id, { on: true });
    expect(await readDevice(fleet, id)).toMatchObject({
      deviceId: id,
      status: 'online',
      reportedJson: '{"n":0.10}',
    });
    expect(await delta(fleet, id)).toMatchObject({ inSync: false });
    expect(await readHistory(fleet, id)).toHaveLength(3);
    expect((await stateAt(fleet, id, Date.now() + 60_000)).status).toBe('online');
    const deviceKeys = (await fleet.redis.keys('many:*')).filter((key) => key.includes(id));
    expect(deviceKeys.sort()).toEqual(
      [
        keys.history('desired', id),
        keys.history('presence', id),
        keys.history('reported', id),
        keys.heartbeat(id),
        keys.state(id),
      ].sort(),
    );
    expect(await fleet.redis.sismember(keys.online, id)).toBe(1);
  });

  test('gives bulk results in the order of the ids', async () => {
    const asked = ['d7', 'nobody', '温度-1', 'a\nb', 'd0'];
    expect(await readWholeDevices(fleet, asked)).toMatchObject([
      { deviceId: 'd7' },
      { code: 'NOT_FOUND' },
      { deviceId: '温度-1' },
      { code: 'USAGE' },
      { deviceId: 'd0' },
    ]);
    expect(await unregisterAll(fleet, asked)).toMatchObject([
      null,
      { code: 'NOT_FOUND' },
      null,
      { code: 'USAGE' },
      null,
    ]);
    expect(await countRegistered(fleet)).toBe(IDS.length - 3);
    await unregisterAll(fleet, IDS);
    const left = await fleet.redis.keys('many:{*');
    expect(left.filter((key) => !key.endsWith('devices:layout'))).toEqual([]);
  });

  test('mapItemsByPartition runs all partitions at once; a lost one fails its own devices, a bug rejects the call', async () => {
    const partitions = await fleet.partitions();
    const lostPartition = partitions[partitionNumber('d1', PARTITIONS)];
    const write = async (error: Error) => {
      let started = 0;
      let markAllStarted = () => {};
      const allStarted = new Promise<void>((resolve) => (markAllStarted = resolve));
      return mapItemsByPartition(fleet, IDS, async (partition, ids) => {
        started += 1;
        if (started === PARTITIONS) markAllStarted();
        await allStarted;
        if (partition === lostPartition) throw error;
        return ids;
      });
    };
    const results = await write(new DevstateError('CONNECTION', 'timed out', { hint: 'wait' }));
    expect(results).toMatchObject(
      IDS.map((id) =>
        partitions[partitionNumber(id, PARTITIONS)] === lostPartition
          ? { code: 'CONNECTION', message: `device ${JSON.stringify(id)}: timed out`, hint: 'wait' }
          : id,
      ),
    );
    await expect(write(new TypeError('a bug'))).rejects.toThrow('a bug');
  });

  test('declareFleet refuses another number of partitions while there are devices', async () => {
    expect(await failure(declareFleet(fleet, { partitions: 64 }))).toMatchObject({ code: 'CONFLICT' });
    expect(await declareFleet(fleet, { partitions: PARTITIONS })).toMatchObject({ partitions: PARTITIONS });
    await unregisterAll(fleet, IDS);
    expect(await declareFleet(fleet, { partitions: 4 })).toMatchObject({ partitions: 4 });
    await register(fleet, 'd1', 'lamp');
    expect(await (await fleet.partitionFor('d1')).redis.keys('many:{*}:device:state:*')).toHaveLength(1);
  });
});
