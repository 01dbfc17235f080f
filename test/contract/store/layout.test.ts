/** A fleet that is given another number of partitions while programs that believe in the former one go on. */
import { describe, expect, test } from 'vitest';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import { detect } from '../../../src/core/detection/detector.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { listDevices } from '../../../src/core/query/list.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register, registerAll } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { allOf, failure, openFleet, snapshot } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

const IDS = Array.from({ length: 20 }, (_, i) => `d${i}`);

/** Returns a fleet that has read its settings, and then changes the number of partitions through another one. */
async function fleetBeforeChange(from: number, to: number): Promise<Fleet> {
  const fleet = await openFleet(redis);
  if (from > 1) await declareFleet(fleet, { partitions: from });
  await fleet.partitions();
  await declareFleet(await openFleet(redis), { partitions: to });
  return fleet;
}

/** The ids that a new program finds. */
async function idsFound(): Promise<string[]> {
  const devices = await allOf(listDevices(await openFleet(redis)));
  return devices.map(({ deviceId }) => deviceId).sort();
}

describe.each([
  [1, 8],
  [8, 1],
  [8, 4],
  [2, 3],
])('from %i to %i partitions', (from, to) => {
  test('what is registered with the former layout comes into the new one', async () => {
    const fleet = await fleetBeforeChange(from, to);
    const results = await registerAll(
      fleet,
      IDS.map((id) => ({ id, type: 'lamp', ttl: 90_000 })),
    );
    expect(results).toEqual(IDS.map((id) => expect.objectContaining({ deviceId: id, created: true })));
    expect(await idsFound()).toEqual([...IDS].sort());
    expect((await fleet.declared()).partitions).toBe(to);
  });

  test('every write and read of one device finds it', async () => {
    const fleets: Fleet[] = await Promise.all(Array.from({ length: 5 }, () => openFleet(redis)));
    const [first, ...others] = fleets as [Fleet, ...Fleet[]];
    if (from > 1) await declareFleet(first, { partitions: from });
    for (const fleet of others) await fleet.partitions();
    await declareFleet(first, { partitions: to });
    await register(first, 'd', 'lamp');
    const [beating, desiring, reading, leaving] = others as [Fleet, Fleet, Fleet, Fleet];
    expect(await heartbeat(beating, { id: 'd' })).toMatchObject({ wasOffline: true });
    expect(await setDesired(desiring, 'd', { on: true })).toMatchObject({ version: 1, changed: true });
    expect(await readDevice(reading, 'd')).toMatchObject({ status: 'online', desiredJson: '{"on":true}' });
    await unregister(leaving, 'd');
    expect(await idsFound()).toEqual([]);
  });
});

test('a heartbeat with registration, a merge and a disconnection find the new layout', async () => {
  const fleet = await fleetBeforeChange(1, 8);
  const beats = IDS.map((id) => ({ id, registerAs: 'lamp', patch: { on: true } }));
  expect(await heartbeats(fleet, beats)).toEqual(
    IDS.map((id) => expect.objectContaining({ deviceId: id, wasOffline: true })),
  );
  expect(await idsFound()).toEqual([...IDS].sort());
  const other = await openFleet(redis, { namespace: 'other' });
  await other.partitions();
  await declareFleet(await openFleet(redis, { namespace: 'other' }), { partitions: 2 });
  expect(await failure(disconnect(other, 'd0'))).toMatchObject({ code: 'NOT_FOUND' });
});

test('a detector ends with CONFLICT', async () => {
  const fleet = await fleetBeforeChange(1, 8);
  expect(await failure(allOf(detect(fleet)))).toMatchObject({
    code: 'CONFLICT',
    reason: 'PARTITIONS_CHANGED',
  });
});

test('a fleet whose settings say otherwise than its layout is refused after the request timeout', async () => {
  const fleet = await openFleet(redis, { requestTimeout: 300 });
  await fleet.redis.set('devices:layout', '8');
  expect(await failure(register(fleet, 'd', 'lamp'))).toMatchObject({
    code: 'CONFLICT',
    message: 'the number of partitions was changed: it is not 1',
  });
  expect(await fleet.redis.keys('*')).toEqual(['devices:layout']);
  await declareFleet(fleet);
  expect(await register(fleet, 'd', 'lamp')).toMatchObject({ created: true });
});

test('a fleet that was partitioned before layouts were written to partitions goes on', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.hset('devices:meta', { partitions: 8, dialect: 'node' });
  expect(await register(fleet, 'd', 'lamp')).toMatchObject({ created: true });
  await declareFleet(fleet);
  expect(await fleet.redis.keys('*devices:layout')).toHaveLength(8);
});

test('a change that is refused writes nothing, also not to partitions without a device', async () => {
  const fleet = await openFleet(redis);
  await fleet.redis.hset('devices:meta', { partitions: 4, dialect: 'node' });
  await register(fleet, 'd', 'lamp');
  const before = await snapshot(fleet.redis);
  expect(await failure(declareFleet(await openFleet(redis), { partitions: 8 }))).toMatchObject({
    reason: 'PARTITIONS_IN_USE',
  });
  expect(await snapshot(fleet.redis)).toEqual(before);
});

test('the number of partitions does not change while the fleet has a device, in whichever partition', async () => {
  const fleet = await openFleet(redis);
  await declareFleet(fleet, { partitions: 4 });
  for (const id of IDS.slice(0, 6)) {
    await register(fleet, id, 'lamp');
    expect(await failure(declareFleet(await openFleet(redis), { partitions: 8 }))).toMatchObject({
      code: 'CONFLICT',
      reason: 'PARTITIONS_IN_USE',
    });
    expect(await heartbeat(fleet, { id })).toMatchObject({ wasOffline: true });
    await unregister(fleet, id);
  }
});
