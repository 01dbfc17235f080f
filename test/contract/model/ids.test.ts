/** Ids with separators and glob characters work in every operation, and namespaces keep fleets apart. */
import { describe, expect, test } from 'vitest';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { listDevices, onlineDevices } from '../../../src/core/query/list.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { staleDevices } from '../../../src/core/query/stale.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { delta } from '../../../src/core/shadow/delta.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import {
  allOf,
  cut,
  DIALECTS,
  idsOf,
  listen,
  logOf,
  ODD_IDS,
  openFeed,
  openFleet,
} from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

describe.each(DIALECTS)('in a %s fleet', (dialect) => {
  test.each(ODD_IDS)('every operation and the feed keep the id %s', async (id) => {
    const fleet = await openFleet(redis, { dialect });
    const feed = await openFeed(fleet);
    const { heard, settled } = await listen(redis);
    expect(await register(fleet, id, `type of ${id}`)).toMatchObject({ deviceId: id, created: true });
    expect(await heartbeat(fleet, { id, reportedJson: '{"on":false}' })).toMatchObject({ deviceId: id });
    expect(await heartbeat(fleet, { id, patch: { lit: true } })).toMatchObject({ deviceId: id });
    expect(await setDesired(fleet, id, { on: true })).toMatchObject({ deviceId: id, version: 1 });
    expect((await delta(fleet, id)).inSync).toBe(false);
    expect(await readDevice(fleet, id)).toMatchObject({
      deviceId: id,
      reportedJson: '{"on":false,"lit":true}',
    });
    expect(await idsOf(onlineDevices(fleet))).toEqual([id]);
    expect(await idsOf(listDevices(fleet, { type: `type of ${id}` }))).toEqual([id]);
    await cut(fleet, id);
    expect(await settle(fleet.only, [id])).toMatchObject({ verdicts: ['offline'] });
    expect(await allOf(staleDevices(fleet, { olderThan: 0 }))).toMatchObject([{ deviceId: id }]);
    await heartbeats(fleet, [{ id }, { id }]);
    expect(await disconnect(fleet, id)).toBe(true);
    await heartbeat(fleet, { id });
    await unregister(fleet, id);
    expect(await idsOf(listDevices(fleet))).toEqual([]);
    const events = await feed.first(6);
    await feed.stop();
    expect(events).toEqual(await logOf(fleet));
    expect(events.map((event) => [event.deviceId, event.deviceType, event.reason])).toEqual(
      ['heartbeat', 'timeout', 'heartbeat', 'disconnect', 'heartbeat', 'unregister'].map((reason) => [
        id,
        `type of ${id}`,
        reason,
      ]),
    );
    await settled();
    expect([...new Set(heard.map(([channel]) => channel))].sort()).toEqual(
      [`device:${id}:commands`, 'devices:presence'].sort(),
    );
    expect((await fleet.redis.keys('*')).sort()).toEqual(['devices:presence:log', 'devices:pulse']);
  });
});

test('devices with such ids in one fleet keep their own data', async () => {
  const fleet = await openFleet(redis);
  for (const id of ODD_IDS) await register(fleet, id, 'lamp', { metadataJson: JSON.stringify({ id }) });
  await heartbeats(
    fleet,
    ODD_IDS.slice(1).map((id) => ({ id })),
  );
  for (const id of ODD_IDS) expect(JSON.parse((await readDevice(fleet, id)).metadataJson)).toEqual({ id });
  expect(await idsOf(onlineDevices(fleet))).toEqual([...ODD_IDS.slice(1)].sort());
});

test('two namespaces on one server share no data and no events', async () => {
  const [first, second] = [
    await openFleet(redis, { namespace: 'first' }),
    await openFleet(redis, { namespace: 'second' }),
  ];
  const feed = await openFeed(second);
  for (const fleet of [first, second]) await register(fleet, 'd1', fleet.options.namespace as string);
  await heartbeat(first, { id: 'd1' });
  await setDesired(first, 'd1', { on: true });
  expect(await readDevice(second, 'd1')).toMatchObject({
    deviceType: 'second',
    status: 'offline',
    desiredJson: '{}',
  });
  expect(await idsOf(onlineDevices(second))).toEqual([]);
  await heartbeat(second, { id: 'd1' });
  expect(await feed.first(1)).toMatchObject([{ deviceType: 'second' }]);
  await feed.stop();
  await unregister(second, 'd1');
  expect(await readDevice(first, 'd1')).toMatchObject({ status: 'online', desiredVersion: 1 });
  expect((await first.redis.keys('*')).every((key) => /^(first|second):/.test(key))).toBe(true);
});
