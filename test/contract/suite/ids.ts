/** Ids with separators and glob characters work in every operation, and namespaces keep fleets apart. */
import { describe, expect, test } from 'vitest';
import { readHistory } from '../../../src/core/history/read-history.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { listDevices, onlineDevices } from '../../../src/core/query/list.js';
import { readDevice, readWholeDevices } from '../../../src/core/query/read-devices.js';
import { staleDevices } from '../../../src/core/query/stale.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { delta } from '../../../src/core/shadow/delta.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { type Backend, contentsOf } from '../../support/backends.js';
import { allOf, cut, DIALECTS, idsOf, ODD_IDS, openFeed } from '../../support/fleet.js';

export function idTests({ open }: Backend): void {
  describe.each(DIALECTS)('an id with special characters in a %s fleet', (dialect) => {
    test.each(ODD_IDS)('every operation and the feed keep the id %s', async (id) => {
      const fleet = await open({ dialect });
      const part = await fleet.partitionFor(id);
      const empty = Object.keys(await contentsOf(fleet));
      const type = `type of ${id}`;
      const feed = await openFeed(fleet);
      expect(await register(fleet, id, type)).toMatchObject({ deviceId: id, created: true });
      expect(await heartbeat(fleet, { id, reportedJson: '{"on":false}' })).toMatchObject({ deviceId: id });
      expect(await heartbeat(fleet, { id, patch: { lit: true } })).toMatchObject({ deviceId: id });
      expect(await setDesired(fleet, id, { on: true })).toMatchObject({ deviceId: id, version: 1 });
      expect((await delta(fleet, id)).inSync).toBe(false);
      const whole = { deviceId: id, deviceType: type, reportedJson: '{"on":false,"lit":true}' };
      expect(await readDevice(fleet, id)).toMatchObject(whole);
      expect(await readWholeDevices(fleet, ['nobody', id])).toMatchObject([{ code: 'NOT_FOUND' }, whole]);
      expect(await readHistory(fleet, id)).toHaveLength(4);
      expect(await idsOf(onlineDevices(fleet))).toEqual([id]);
      expect(await idsOf(listDevices(fleet, { type }))).toEqual([id]);
      await cut(part, id);
      expect(await settle(part, [id])).toMatchObject({ verdicts: ['offline'] });
      expect(await allOf(staleDevices(fleet, { olderThan: 0 }))).toMatchObject([{ deviceId: id }]);
      await heartbeats(fleet, [{ id }, { id }]);
      expect(await disconnect(fleet, id)).toBe(true);
      await heartbeat(fleet, { id });
      await unregister(fleet, id);
      expect(await idsOf(listDevices(fleet))).toEqual([]);
      const events = await feed.first(6);
      await feed.stop();
      expect(events.map((event) => [event.deviceId, event.deviceType, event.reason])).toEqual(
        ['heartbeat', 'timeout', 'heartbeat', 'disconnect', 'heartbeat', 'unregister'].map((reason) => [
          id,
          type,
          reason,
        ]),
      );
      expect(Object.keys(await contentsOf(fleet)).sort()).toEqual(
        [...empty, part.keys.log, part.keys.pulse].sort(),
      );
    });
  });

  test('two namespaces share no data and no events', async () => {
    const [first, second] = [await open(), await open()];
    const feed = await openFeed(second);
    for (const fleet of [first, second]) await register(fleet, 'd1', `of ${fleet.options.namespace}`);
    await heartbeat(first, { id: 'd1' });
    await setDesired(first, 'd1', { on: true });
    expect(await readDevice(second, 'd1')).toMatchObject({ status: 'offline', desiredVersion: 0 });
    expect(await idsOf(onlineDevices(second))).toEqual([]);
    await heartbeat(second, { id: 'd1' });
    expect(await feed.first(1)).toMatchObject([{ deviceType: `of ${second.options.namespace}` }]);
    await feed.stop();
    await unregister(second, 'd1');
    expect(await readDevice(first, 'd1')).toMatchObject({ status: 'online', desiredVersion: 1 });
  });
}
