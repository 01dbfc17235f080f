/** register and unregister. */
import { describe, expect, test } from 'vitest';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register, registerAll } from '../../../src/core/registry/register.js';
import { unregister, unregisterAll } from '../../../src/core/registry/unregister.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { type Backend, contentsOf } from '../../support/backends.js';
import { failure, scoreOf, storyOf } from '../../support/fleet.js';

export function registryTests({ open, beside }: Backend): void {
  /** The types whose sets contain the device. */
  async function typesOf(fleet: Fleet, id: string): Promise<string[]> {
    const { redis, keys } = await fleet.partitionFor(id);
    const types = await redis.smembers(keys.types);
    const members = await Promise.all(types.map((type) => redis.sismember(keys.type(type), id)));
    return types.filter((_, i) => members[i] === 1);
  }

  describe('register', () => {
    test('creates the record, and adds the device to every set and the index of its partition', async () => {
      const fleet = await open();
      const part = await fleet.partitionFor('d1');
      const made = await register(fleet, 'd1', 'lamp', { metadataJson: '{"place":"hall"}', ttl: 90_000 });
      expect(made).toMatchObject({ deviceId: 'd1', deviceType: 'lamp', created: true });
      expect(await readDevice(fleet, 'd1')).toMatchObject({
        deviceType: 'lamp',
        status: 'offline',
        lastSeen: null,
        registeredAt: made.registeredAt,
        reportedJson: '{}',
        desiredJson: '{}',
        metadataJson: '{"place":"hall"}',
        reportedVersion: 0,
        desiredVersion: 0,
        presenceSeq: 0,
        heartbeatTtl: 90_000,
      });
      expect(await part.redis.smembers(part.keys.registered)).toEqual(['d1']);
      expect([await typesOf(fleet, 'd1'), await scoreOf(part, 'd1')]).toEqual([['lamp'], 0]);
      expect(await storyOf(part, 'd1')).toEqual([]);
    });

    test('changes what is given of a registered device, and keeps the rest', async () => {
      const fleet = await open();
      const { registeredAt } = await register(fleet, 'd1', 'lamp', { metadataJson: '{"a":1}', ttl: 90_000 });
      await heartbeat(fleet, { id: 'd1', reportedJson: '{"on":true}' });
      await setDesired(fleet, 'd1', { on: false });
      const before = { ...(await readDevice(fleet, 'd1')), expiresAt: expect.any(Number) };
      expect(await register(fleet, 'd1', 'lamp')).toMatchObject({ created: false, registeredAt });
      expect(await readDevice(fleet, 'd1')).toEqual(before);
      await register(fleet, 'd1', 'plug', { metadataJson: '{"b":2}' });
      await register(fleet, 'd1', 'plug', { ttl: 30_000 });
      const given = { deviceType: 'plug', metadataJson: '{"b":2}', heartbeatTtl: 30_000 };
      expect(await readDevice(fleet, 'd1')).toEqual({ ...before, ...given });
    });

    test('moves the device to its new type, and removes a type without devices', async () => {
      const fleet = await open();
      const { redis, keys } = await fleet.partitionFor('d1');
      await register(fleet, 'd1', 'lamp');
      await register(fleet, 'd1', 'plug');
      expect(await typesOf(fleet, 'd1')).toEqual(['plug']);
      expect([await redis.smembers(keys.types), await redis.exists(keys.type('lamp'))]).toEqual([
        ['plug'],
        0,
      ]);
    });

    test('leaves the device in one type set, when several connections register several types', async () => {
      const fleet = await open();
      const others = await beside(fleet, 3);
      await Promise.all(
        others.flatMap((other, i) => [1, 2, 3].map((n) => register(other, 'd1', `t${n}${i}`))),
      );
      expect(await typesOf(fleet, 'd1')).toEqual([(await readDevice(fleet, 'd1')).deviceType]);
    });

    test('with onlyIfNew fails with CONFLICT for a registered device, and nothing is written', async () => {
      const fleet = await open();
      expect(await register(fleet, 'd1', 'lamp', { onlyIfNew: true })).toMatchObject({ created: true });
      const before = await contentsOf(fleet);
      const again = register(fleet, 'd1', 'plug', { onlyIfNew: true, metadataJson: '{"a":1}' });
      expect(await failure(again)).toMatchObject({
        code: 'CONFLICT',
        message: 'device "d1" is registered already',
      });
      expect(await contentsOf(fleet)).toEqual(before);
    });

    test('of many devices succeeds or fails item by item, in the order given', async () => {
      const fleet = await open();
      const broken = await fleet.partitionFor('d7');
      await broken.redis.set(broken.keys.state('d7'), 'x');
      const ids = Array.from({ length: 200 }, (_, i) => (i === 50 ? 'bad\nid' : `d${i % 150}`));
      const results = await registerAll(
        fleet,
        ids.map((id, i) => ({ id, type: `type-${i}` })),
      );
      const wrongType = {
        code: 'BAD_RECORD',
        message: `${broken.keys.state('d7')} holds a string, not a hash`,
      };
      for (const [i, result] of results.entries()) {
        if (i === 50) expect(result).toMatchObject({ code: 'USAGE' });
        else if (i % 150 === 7) expect(result).toMatchObject(wrongType);
        else expect(result).toMatchObject({ deviceId: ids[i], deviceType: `type-${i}`, created: i < 150 });
      }
      expect(await readDevice(fleet, 'd20')).toMatchObject({ deviceType: 'type-170' });
    });
  });

  describe('unregister', () => {
    test('removes every key of the device, and announces an online one offline', async () => {
      const fleet = await open();
      const part = await fleet.partitionFor('d1');
      const meta = await contentsOf(fleet);
      await register(fleet, 'd1', 'lamp');
      await heartbeat(fleet, { id: 'd1', reportedJson: '{"on":true}' });
      await setDesired(fleet, 'd1', parseJsonObject('{"n":1}'));
      await part.redis.hset(part.keys.state('d1'), 'deviceType', 'plug'); // as if another program had changed the type
      await unregister(fleet, 'd1');
      expect(await storyOf(part, 'd1')).toEqual(['1 online heartbeat', '2 offline unregister']);
      expect(Object.keys(await contentsOf(fleet)).sort()).toEqual(
        [...Object.keys(meta), part.keys.log, part.keys.pulse].sort(),
      );
      expect(await register(fleet, 'd1', 'lamp')).toMatchObject({ created: true });
      expect(await heartbeat(fleet, { id: 'd1' })).toMatchObject({ wasOffline: true, desiredVersion: 0 });
      expect((await storyOf(part, 'd1')).at(-1)).toBe('1 online heartbeat');
    });

    test('of many devices succeeds or fails item by item, in the order given', async () => {
      const fleet = await open();
      await registerAll(
        fleet,
        ['d1', 'd2', 'd3'].map((id) => ({ id, type: 'lamp' })),
      );
      const results = await unregisterAll(fleet, ['d3', 'nobody', '', 'd1']);
      expect(results).toMatchObject([null, { code: 'NOT_FOUND' }, { code: 'USAGE' }, null]);
      expect(await readDevice(fleet, 'd2')).toMatchObject({ deviceType: 'lamp' });
    });
  });
}
