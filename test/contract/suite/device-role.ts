/** Heartbeats and disconnects of a device with a login of its own, which runs no script. */
import { describe, expect, test } from 'vitest';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { delta } from '../../../src/core/shadow/delta.js';
import { Fleet, type FleetOptions } from '../../../src/core/store/fleet.js';
import type { Partition } from '../../../src/core/store/partition.js';
import { type Backend, contentsOf, type OpenOptions } from '../../support/backends.js';
import { DIALECTS, entriesOf, expired, failure, pretendDetector, storyOf } from '../../support/fleet.js';

interface Login {
  /** The fleet as its operator sees it. */
  fleet: Fleet;
  part: Partition;
  /** The fleet as the device's program opens it. */
  own: Fleet;
}

export function deviceRoleTests({ open, login }: Backend): void {
  async function openAs(fleet: Fleet, ids: readonly string[], options: FleetOptions = {}): Promise<Fleet> {
    const { partitions, dialect } = await fleet.settings();
    return new Fleet(await login(fleet, 'device', ids), {
      ...fleet.options,
      role: 'device',
      partitions,
      dialect,
      ...options,
    });
  }

  async function withLogin(options: OpenOptions = {}, own: FleetOptions = {}): Promise<Login> {
    const fleet = await open(options);
    await register(fleet, 'd:1', 'lamp');
    return { fleet, part: await fleet.partitionFor('d:1'), own: await openAs(fleet, ['d:1'], own) };
  }

  const reports = (part: Partition) => entriesOf(part, 'reported', 'd:1');

  describe('a device with a login of its own', () => {
    test.each(DIALECTS)('sends heartbeats, in the dialect %s', async (dialect) => {
      const { fleet, part, own } = await withLogin({ dialect });
      const { lastSeen, expiresAt, ...rest } = await heartbeat(own, { id: 'd:1' });
      expect(rest).toEqual({ deviceId: 'd:1', status: 'online', wasOffline: true, desiredVersion: 0 });
      expect(expiresAt - lastSeen).toBe(60_000);
      expect(await part.redis.call('PEXPIRETIME', part.keys.heartbeat('d:1'))).toBe(expiresAt);
      expect(await heartbeat(own, { id: 'd:1' })).toMatchObject({ wasOffline: false });
      expect(await readDevice(own, 'd:1')).toMatchObject({ status: 'online', reportedVersion: 0 });
      expect((await settle(part, ['d:1'])).verdicts).toEqual(['online']);
      expect(await storyOf(part, 'd:1')).toEqual(['1 online observed']);
      expect(await readDevice(fleet, 'd:1')).toMatchObject({ status: 'online', presenceSeq: 1 });
    });

    test.each(DIALECTS)(
      'reports, and raises the version only for another value, in the dialect %s',
      async (dialect) => {
        const { part, own } = await withLogin({ dialect });
        for (const beat of [
          { reportedJson: '{"a":1,"b":{"c":1}}' },
          { reportedJson: '{"b":{"c":1},"a":1.0}' },
          { patch: parseJsonObject('{"b":{"d":true},"a":null}') },
          {},
          { reportedJson: '{}' },
        ])
          await heartbeat(own, { id: 'd:1', ...beat });
        const { reportedJson, reportedVersion, reportedAt } = await readDevice(own, 'd:1');
        expect([reportedJson, reportedVersion]).toEqual(['{}', 3]);
        const entries = await reports(part);
        expect(entries).toEqual([
          { at: expect.any(Number), version: 1, first: true, value: { a: 1, b: { c: 1 } } },
          { at: expect.any(Number), version: 2, value: { b: { c: 1, d: true } } },
          { at: reportedAt, version: 3, value: {} },
        ]);
      },
    );

    test('keeps as much history as its option says', async () => {
      const { part, own } = await withLogin({}, { historyCap: 2 });
      for (const n of [1, 2, 3]) await heartbeat(own, { id: 'd:1', reportedJson: `{"n":${n}}` });
      expect((await reports(part)).map(({ version }) => version)).toEqual([2, 3]);
      const none = new Fleet(own.link, { ...own.options, historyCap: 0 });
      await heartbeat(none, { id: 'd:1', reportedJson: '{"n":4}' });
      expect(await reports(part)).toEqual([]);
      expect((await readDevice(own, 'd:1')).reportedVersion).toBe(4);
    });

    test('has the TTL of the call, else of the record, else the default', async () => {
      const { fleet, own } = await withLogin();
      const ttlOf = async (beat: { ttl?: number }) => {
        const { lastSeen, expiresAt } = await heartbeat(own, { id: 'd:1', ...beat }, 20_000);
        return expiresAt - lastSeen;
      };
      expect(await ttlOf({})).toBe(20_000);
      await register(fleet, 'd:1', 'lamp', { ttl: 90_000 });
      expect(await ttlOf({})).toBe(90_000);
      expect(await ttlOf({ ttl: 120_000 })).toBe(120_000);
      fleet.invalidateSettings();
      expect((await fleet.settings()).longestTtl).toBe(90_000); // a device does not raise it
    });

    test('says goodbye', async () => {
      const { fleet, part, own } = await withLogin();
      await pretendDetector(part); // without a pulse the device would be held
      await heartbeat(own, { id: 'd:1' });
      await settle(part, ['d:1']);
      expect(await disconnect(own, 'd:1')).toBe(true);
      expect(await disconnect(own, 'd:1')).toBe(false);
      expect(await part.redis.exists(part.keys.heartbeat('d:1'))).toBe(0);
      expect(await readDevice(fleet, 'd:1')).toMatchObject({ status: 'offline' });
      expect((await settle(part, ['d:1'])).verdicts).toEqual(['offline']);
      expect(await storyOf(part, 'd:1')).toEqual(['1 online observed', '2 offline timeout']);
    });

    test('after an expiry was offline', async () => {
      const { part, own } = await withLogin();
      await heartbeat(own, { id: 'd:1', ttl: 20 });
      await expired(part, 'd:1');
      expect(await heartbeat(own, { id: 'd:1' })).toMatchObject({ wasOffline: true });
    });

    test('loses no change of others: merges of two programs and of a desired state all stand', async () => {
      const { fleet, own } = await withLogin();
      const other = await openAs(fleet, ['d:1']);
      const merge = (as: Fleet, key: string) =>
        heartbeat(as, { id: 'd:1', patch: parseJsonObject(`{"${key}":1}`) });
      const numbers = Array.from({ length: 10 }, (_, i) => i);
      await Promise.all(
        numbers.flatMap((n) => [
          merge(own, `own${n}`),
          merge(other, `other${n}`),
          merge(fleet, `script${n}`),
        ]),
      );
      const { reportedJson, reportedVersion } = await readDevice(fleet, 'd:1');
      expect(Object.keys(JSON.parse(reportedJson))).toHaveLength(30);
      expect(reportedVersion).toBe(30);
    });

    test('an unregistered device, and one that is not its own, fail alone', async () => {
      const fleet = await open();
      for (const id of ['mine', 'foreign']) await register(fleet, id, 'lamp');
      const own = await openAs(fleet, ['mine', 'unknown']);
      const foreign = await fleet.partitionFor('foreign');
      const before = await foreign.redis.hgetall(foreign.keys.state('foreign'));
      expect(
        await heartbeats(
          own,
          ['mine', 'unknown', 'mine'].map((id) => ({ id })),
        ),
      ).toMatchObject([{ deviceId: 'mine' }, { code: 'NOT_FOUND' }, { deviceId: 'mine' }]);
      expect(await failure(heartbeat(own, { id: 'foreign' }))).toMatchObject({
        code: 'CONNECTION',
        reason: 'DEVICE_DENIED',
      });
      expect(await failure(readDevice(own, 'foreign'))).toMatchObject({ reason: 'DEVICE_DENIED' });
      expect(await foreign.redis.hgetall(foreign.keys.state('foreign'))).toEqual(before);
    });

    test('a heartbeat key of another type is that device’s bad record', async () => {
      const { part, own } = await withLogin();
      await part.redis.lpush(part.keys.heartbeat('d:1'), 'x');
      expect(await failure(heartbeat(own, { id: 'd:1' }))).toMatchObject({ code: 'BAD_RECORD' });
    });

    test('a read-only fleet refuses its heartbeats and goodbyes', async () => {
      const { fleet, own } = await withLogin({}, { readOnly: true });
      const before = await contentsOf(fleet);
      for (const call of [heartbeat(own, { id: 'd:1' }), disconnect(own, 'd:1')])
        expect(await failure(call)).toMatchObject({ code: 'USAGE', reason: 'READ_ONLY' });
      expect(await contentsOf(fleet)).toEqual(before);
    });

    test('reads its own desired state and its difference', async () => {
      const { own } = await withLogin();
      expect(await delta(own, 'd:1')).toMatchObject({ inSync: true });
    });
  });
}
