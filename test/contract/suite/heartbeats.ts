/** heartbeat, heartbeats and disconnect. */
import { describe, expect, test } from 'vitest';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { disconnect, disconnectAll } from '../../../src/core/presence/disconnect.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register, registerAll } from '../../../src/core/registry/register.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import type { Partition } from '../../../src/core/store/partition.js';
import { type Backend, contentsOf } from '../../support/backends.js';
import { entriesOf, expired, failures, historyOf, logOf, scoreOf, storyOf } from '../../support/fleet.js';

const TIMES = Array.from({ length: 200 }, (_, i) => i);

export function heartbeatTests({ open, beside }: Backend): void {
  /** A fleet with the device d1, and the partition of d1. */
  async function withDevice(): Promise<[fleet: Fleet, part: Partition]> {
    const fleet = await open();
    await register(fleet, 'd1', 'lamp');
    return [fleet, await fleet.partitionFor('d1')];
  }

  describe('a heartbeat', () => {
    test('writes the same deadline to key, record and index, and announces online once', async () => {
      const [fleet, part] = await withDevice();
      const { lastSeen, expiresAt, ...rest } = await heartbeat(fleet, { id: 'd1' });
      expect(rest).toEqual({ deviceId: 'd1', status: 'online', wasOffline: true, desiredVersion: 0 });
      expect(expiresAt - lastSeen).toBe(60_000);
      expect(await part.redis.call('PEXPIRETIME', part.keys.heartbeat('d1'))).toBe(expiresAt);
      expect(await scoreOf(part, 'd1')).toBe(expiresAt);
      expect(await part.redis.smembers(part.keys.online)).toEqual(['d1']);
      expect(await readDevice(fleet, 'd1')).toMatchObject({ status: 'online', lastSeen, presenceSeq: 1 });
      expect(await heartbeat(fleet, { id: 'd1' })).toMatchObject({ wasOffline: false });
      expect(await storyOf(part, 'd1')).toEqual(['1 online heartbeat']);
      expect(await historyOf(part, 'presence', 'd1')).toHaveLength(1);
    });

    test('after an expiry announces offline at the deadline and online now', async () => {
      const [fleet, part] = await withDevice();
      const first = await heartbeat(fleet, { id: 'd1', ttl: 20 });
      await expired(part, 'd1');
      const { lastSeen, wasOffline } = await heartbeat(fleet, { id: 'd1' });
      expect(wasOffline).toBe(true);
      const deadline = { timestamp: first.expiresAt, previousAt: first.lastSeen };
      expect(await logOf(part, 'd1')).toMatchObject([
        { seq: 1, status: 'online', reason: 'heartbeat', timestamp: first.lastSeen, previousAt: null },
        { seq: 2, status: 'offline', reason: 'timeout', ...deadline },
        { seq: 3, status: 'online', reason: 'heartbeat', timestamp: lastSeen, previousAt: first.expiresAt },
      ]);
    });

    test('has the TTL of the call, else of the record, else the default', async () => {
      const [fleet] = await withDevice();
      const ttlOf = async (beat: { ttl?: number }) => {
        const { lastSeen, expiresAt } = await heartbeat(fleet, { id: 'd1', ...beat }, 20_000);
        return expiresAt - lastSeen;
      };
      expect(await ttlOf({})).toBe(20_000);
      await register(fleet, 'd1', 'lamp', { ttl: 90_000 });
      expect(await ttlOf({})).toBe(90_000);
      expect(await ttlOf({ ttl: 120_000 })).toBe(120_000);
      expect(await ttlOf({})).toBe(90_000);
      expect((await fleet.settings()).longestTtl).toBe(120_000);
      const [other] = await beside(fleet, 1);
      expect((await other?.settings())?.longestTtl).toBe(120_000);
    });

    test('replaces the report or merges into it, and raises the version only when it changes', async () => {
      const [fleet, part] = await withDevice();
      const { lastSeen } = await heartbeat(fleet, { id: 'd1', reportedJson: '{"a":{"b":1,"c":2}}' });
      await heartbeat(fleet, { id: 'd1', reportedJson: '{"a":{"b":1,"c":2}}' });
      await heartbeat(fleet, { id: 'd1' });
      expect(await readDevice(fleet, 'd1')).toMatchObject({ reportedVersion: 1, reportedAt: lastSeen });
      await heartbeat(fleet, { id: 'd1', patch: parseJsonObject('{"a":{"b":null},"d":3}') });
      expect(await readDevice(fleet, 'd1')).toMatchObject({
        reportedJson: '{"a":{"c":2},"d":3}',
        reportedVersion: 2,
      });
      await heartbeat(fleet, { id: 'd1', reportedJson: '{}' });
      const entries = await entriesOf(part, 'reported', 'd1');
      expect(entries.map(({ version, value }) => [version, value])).toEqual([
        [1, { a: { b: 1, c: 2 } }],
        [2, { a: { c: 2 }, d: 3 }],
        [3, {}],
      ]);
    });

    test('of an unregistered device fails with NOT_FOUND, or registers it with registerAs', async () => {
      const [fleet] = await withDevice();
      const before = await contentsOf(fleet);
      const notFound = { code: 'NOT_FOUND', message: 'device "new" is not registered' };
      expect(
        await failures(
          heartbeat(fleet, { id: 'new', reportedJson: '{}' }),
          heartbeat(fleet, { id: 'new', patch: {} }),
        ),
      ).toMatchObject([notFound, notFound]);
      expect(await contentsOf(fleet)).toEqual(before);
      const results = await heartbeats(fleet, [
        { id: 'new', reportedJson: '{"a":1}', registerAs: 'plug' },
        { id: 'd1', registerAs: 'plug' },
      ]);
      expect(results).toMatchObject([
        { deviceId: 'new', wasOffline: true },
        { deviceId: 'd1', wasOffline: true },
      ]);
      expect(await readDevice(fleet, 'new')).toMatchObject({ deviceType: 'plug', reportedVersion: 1 });
      expect(await readDevice(fleet, 'd1')).toMatchObject({ deviceType: 'lamp', presenceSeq: 1 });
    });
  });

  describe('heartbeats of many', () => {
    test('succeed or fail item by item, in the order given', async () => {
      const fleet = await open();
      const ids = Array.from({ length: 300 }, (_, i) => (i === 100 ? 'bad\nid' : `d${i}`));
      const known = ids.filter((_, i) => i % 9 !== 0 && i !== 100);
      await registerAll(
        fleet,
        known.map((id) => ({ id, type: 'lamp' })),
      );
      const broken = await fleet.partitionFor('d8');
      await broken.redis.set(broken.keys.state('d8'), 'x');
      const beats = ids.map((id, i) =>
        i % 2 === 0 ? { id, reportedJson: `{"me":"${id}"}` } : { id, patch: { me: id } },
      );
      const results = await heartbeats(fleet, beats);
      for (const [i, result] of results.entries()) {
        if (i === 8) expect(result).toMatchObject({ code: 'BAD_RECORD' });
        else if (i === 100) expect(result).toMatchObject({ code: 'USAGE' });
        else if (i % 9 === 0) expect(result).toMatchObject({ code: 'NOT_FOUND' });
        else expect(result).toMatchObject({ deviceId: `d${i}`, wasOffline: true });
      }
      expect(await readDevice(fleet, 'd299')).toMatchObject({ reportedJson: '{"me":"d299"}' });
    });

    test('of one device apply in order, and its history keeps the last 20', async () => {
      const [fleet, part] = await withDevice();
      const beats = Array.from({ length: 150 }, (_, i) => ({ id: 'd1', reportedJson: `{"n":${i + 1}}` }));
      await heartbeats(fleet, beats);
      const entries = await entriesOf(part, 'reported', 'd1');
      expect(entries.map(({ version, value }) => [version, value?.n])).toEqual(
        Array.from({ length: 20 }, (_, i) => [131 + i, 131 + i]),
      );
    });
  });

  describe('disconnect', () => {
    test('announces offline once, and for an expired device a timeout at the deadline', async () => {
      const [fleet, part] = await withDevice();
      await heartbeat(fleet, { id: 'd1' });
      expect(await disconnect(fleet, 'd1')).toBe(true);
      expect(await disconnect(fleet, 'd1')).toBe(false);
      expect(await readDevice(fleet, 'd1')).toMatchObject({ status: 'offline', presenceSeq: 2 });
      expect(await part.redis.exists(part.keys.heartbeat('d1'))).toBe(0);
      await heartbeat(fleet, { id: 'd1', ttl: 20 });
      await expired(part, 'd1');
      expect(await disconnectAll(fleet, ['nobody', 'd1'])).toMatchObject([{ code: 'NOT_FOUND' }, false]);
      expect(await storyOf(part, 'd1')).toEqual([
        '1 online heartbeat',
        '2 offline disconnect',
        '3 online heartbeat',
        '4 offline timeout',
      ]);
    });
  });

  describe('concurrently on four connections', () => {
    async function onFour(): Promise<[fleet: Fleet, part: Partition, connection: (i: number) => Fleet]> {
      const [fleet, part] = await withDevice();
      const others = await beside(fleet, 4);
      return [fleet, part, (i) => others[i % 4] as Fleet];
    }

    test('200 first heartbeats announce online once', async () => {
      const [, part, connection] = await onFour();
      const results = await Promise.all(TIMES.map((i) => heartbeat(connection(i), { id: 'd1' })));
      expect(results.filter(({ wasOffline }) => wasOffline)).toHaveLength(1);
      expect(await storyOf(part, 'd1')).toEqual(['1 online heartbeat']);
    });

    test('30 merges are all applied', async () => {
      const [fleet, , connection] = await onFour();
      const keys = TIMES.slice(0, 30).map((i) => `k${i}`);
      await Promise.all(keys.map((key, i) => heartbeat(connection(i), { id: 'd1', patch: { [key]: true } })));
      const { reportedJson, reportedVersion } = await readDevice(fleet, 'd1');
      expect(Object.keys(JSON.parse(reportedJson)).sort()).toEqual([...keys].sort());
      expect(reportedVersion).toBe(30);
    });

    test('after heartbeats, disconnects and settles, events alternate and seq rises by one', async () => {
      const [, part, connection] = await onFour();
      const jobs = [
        (fleet: Fleet) => heartbeat(fleet, { id: 'd1', ttl: 5 }),
        (fleet: Fleet) => heartbeat(fleet, { id: 'd1' }),
        async (fleet: Fleet) => settle(await fleet.partitionFor('d1'), ['d1']),
        (fleet: Fleet) => disconnect(fleet, 'd1'),
      ];
      const runInTurn = async (number: number) => {
        for (const i of TIMES) if (i % 4 === number) await jobs[(i * 7 + (i >> 3)) % 4]?.(connection(i));
      };
      await Promise.all([0, 1, 2, 3].map(runInTurn));
      const events = await logOf(part, 'd1');
      expect(events.length).toBeGreaterThan(1);
      for (const [i, { seq, status, previousAt }] of events.entries()) {
        expect({ seq, status }).toEqual({ seq: i + 1, status: i % 2 === 0 ? 'online' : 'offline' });
        expect(previousAt).toBe(events[i - 1]?.timestamp ?? null);
      }
    });
  });
}
