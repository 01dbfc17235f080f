/** settle, detectors and the feed: each transition is announced and yielded once. */
import { describe, expect, test } from 'vitest';
import { sweep } from '../../../src/core/detection/sweep.js';
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';
import { disconnectAll } from '../../../src/core/presence/disconnect.js';
import { presenceFeed } from '../../../src/core/presence/feed.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import type { Since } from '../../../src/core/presence/log-reader.js';
import { settle } from '../../../src/core/presence/settle.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { mapByPartition } from '../../../src/core/store/by-partition.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import type { Backend } from '../../support/backends.js';
import { openDetector } from '../../support/detector.js';
import {
  allOf,
  bringOnline,
  cut,
  expired,
  logOf,
  numberedIds,
  openFeed,
  scoreOf,
  serverNow,
  storyOf,
  until,
} from '../../support/fleet.js';

const IDS = numberedIds(100);
const ONLINE_THEN_TIMEOUT = ['1 online heartbeat', '2 offline timeout'];

export function presenceTests({ open, beside }: Backend): void {
  const verdicts = (fleet: Fleet, ids: readonly string[]) =>
    mapByPartition(fleet, ids, async (partition, group) => (await settle(partition, group)).verdicts);
  const stories = (fleet: Fleet, ids: readonly string[] = IDS) =>
    Promise.all(ids.map(async (id) => storyOf(await fleet.partitionFor(id), id)));

  describe('settle', () => {
    test('announces an expired device offline once, at its deadline, and updates the index', async () => {
      const fleet = await open();
      const part = await fleet.partitionFor('d1');
      await register(fleet, 'd1', 'lamp');
      const first = await heartbeat(fleet, { id: 'd1' });
      expect(await verdicts(fleet, ['d1'])).toEqual(['online']);
      const { lastSeen, expiresAt } = await heartbeat(fleet, { id: 'd1', ttl: 20 });
      await expired(part, 'd1');
      for (let i = 0; i < 2; i++) expect(await verdicts(fleet, ['d1'])).toEqual(['offline']);
      expect(await logOf(part, 'd1')).toMatchObject([
        { seq: 1, status: 'online' },
        { seq: 2, status: 'offline', reason: 'timeout', timestamp: expiresAt, previousAt: first.lastSeen },
      ]);
      expect([await part.redis.scard(part.keys.online), await scoreOf(part, 'd1')]).toEqual([0, -lastSeen]);
      expect(await readDevice(fleet, 'd1')).toMatchObject({ presenceSeq: 2, presenceAt: expiresAt });
    });

    test('announces a heartbeat of another program as observed, and an id without a record as stray', async () => {
      const fleet = await open();
      const part = await fleet.partitionFor('d1');
      await register(fleet, 'd1', 'lamp');
      await part.redis.set(part.keys.heartbeat('d1'), '1', 'EX', 60);
      const elsewhere = await fleet.partitionFor('nobody');
      await elsewhere.redis.sadd(elsewhere.keys.online, 'nobody');
      expect(await verdicts(fleet, ['d1', 'nobody'])).toEqual(['online', 'stray']);
      expect(await elsewhere.redis.sismember(elsewhere.keys.online, 'nobody')).toBe(0);
      expect(await storyOf(part, 'd1')).toEqual(['1 online observed']);
      expect(await part.redis.smembers(part.keys.online)).toEqual(['d1']);
      const deadline = Number(await part.redis.call('PEXPIRETIME', part.keys.heartbeat('d1')));
      expect(Math.abs(((await scoreOf(part, 'd1')) ?? 0) - deadline)).toBeLessThanOrEqual(50);
    });

    test('announces each transition once, when three connections settle at once and again', async () => {
      const fleet = await open();
      const others = await beside(fleet, 3);
      await bringOnline(fleet, IDS, () => 60_000);
      const gone = IDS.slice(0, 50);
      for (const id of gone) await cut(await fleet.partitionFor(id), id);
      const expected = IDS.map((_, i) => (i < 50 ? 'offline' : 'online'));
      const all = await Promise.all([...others, ...others].map((other) => verdicts(other, IDS)));
      for (const found of all) expect(found).toEqual(expected);
      expect(await stories(fleet)).toEqual(IDS.map((_, i) => ONLINE_THEN_TIMEOUT.slice(0, i < 50 ? 2 : 1)));
    });
  });

  describe('detectors', () => {
    test('of all strategies together announce each expiry once', async () => {
      const fleet = await open();
      const [a, b, c] = (await beside(fleet, 3)) as [Fleet, Fleet, Fleet];
      const all = [
        await openDetector(a),
        await openDetector(b, { strategy: 'poll', interval: 50 }),
        await openDetector(c, { strategy: 'keyspace' }),
      ];
      await bringOnline(fleet, IDS, () => 200);
      const announced = () => all.flatMap(({ events }) => events);
      await until(() => announced().length >= IDS.length);
      await Promise.all(all.map((each) => each.stop()));
      expect(await stories(fleet)).toEqual(IDS.map(() => ONLINE_THEN_TIMEOUT));
      expect(
        announced()
          .map(({ deviceId }) => deviceId)
          .sort(),
      ).toEqual([...IDS].sort());
    });

    test('announce a heartbeat that another program published', async () => {
      const fleet = await open();
      const part = await fleet.partitionFor('d1');
      await register(fleet, 'd1', 'lamp');
      await part.redis.srem(part.keys.registered, 'd1'); // outside of the audit
      const { first } = await openDetector(fleet);
      await part.redis.set(part.keys.heartbeat('d1'), '1', 'EX', 60);
      const message = { type: 'presence', deviceId: 'd1', status: 'online', timestamp: Date.now() };
      await fleet.redis.publish(fleet.keys.presenceChannel, JSON.stringify(message));
      expect(await first(1)).toMatchObject([{ deviceId: 'd1', status: 'online', reason: 'observed' }]);
    });

    test('find all expired devices in one sweep', async () => {
      const fleet = await open();
      await bringOnline(fleet, IDS, () => 20);
      const now = await serverNow(fleet.redis);
      await until(async () => (await serverNow(fleet.redis)) > now + 20);
      const events = await allOf(sweep(fleet));
      expect(events.map(({ deviceId }) => deviceId).sort()).toEqual([...IDS].sort());
      expect(await allOf(sweep(fleet))).toEqual([]);
    });
  });

  describe('the feed', () => {
    /** A unique name of an event: its device and its id in the log. */
    const eventKey = ({ id, deviceId }: PresenceEvent) => `${deviceId} ${id?.split('.')[0]}`;
    const some = IDS.slice(0, 20);

    async function transitions(fleet: Fleet, count: number): Promise<void> {
      for (let i = 0; i < count; i += 2) {
        await heartbeats(
          fleet,
          some.map((id) => ({ id })),
        );
        await disconnectAll(fleet, some);
      }
    }

    /** All events after `since`. */
    function replay(fleet: Fleet, since: Since): Promise<PresenceEvent[]> {
      const stop = new AbortController();
      return allOf(presenceFeed(fleet, { since, signal: stop.signal, onReady: () => stop.abort() }));
    }

    const expectAlternating = (events: readonly PresenceEvent[], from: number, to: number) => {
      const numbers = Array.from({ length: to - from + 1 }, (_, i) => from + i);
      for (const id of some) {
        const seqs = events.filter(({ deviceId }) => deviceId === id).map(({ seq }) => seq);
        expect([id, seqs]).toEqual([id, numbers]);
      }
    };

    test('yields later events once, in the order of each device', async () => {
      const fleet = await open();
      const [other] = (await beside(fleet, 1)) as [Fleet];
      await bringOnline(fleet, some, () => 60_000);
      const feed = await openFeed(other);
      await disconnectAll(fleet, some);
      await transitions(fleet, 10);
      await feed.first(11 * some.length);
      await feed.stop();
      expectAlternating(feed.events, 2, 12);
      expect(feed.events.every(({ deviceType }) => deviceType === 'lamp')).toBe(true);
    });

    test('yields each event once in the same order, since a time or since any event', async () => {
      const fleet = await open();
      await bringOnline(fleet, some, () => 60_000);
      await disconnectAll(fleet, some);
      await transitions(fleet, 4);
      const all = await replay(fleet, { time: 0 });
      expectAlternating(all, 1, 6);
      expect(new Set(all.map(eventKey)).size).toBe(all.length);
      for (let i = 0; i < all.length; i += 17) {
        const rest = await replay(fleet, { id: all[i]?.id as string });
        expect(rest.map(eventKey)).toEqual(all.slice(i + 1).map(eventKey));
      }
      await transitions(fleet, 2);
      const later = await replay(fleet, { id: all.at(-1)?.id as string });
      expectAlternating(later, 7, 8);
      expect(await replay(fleet, { time: (await serverNow(fleet.redis)) + 60_000 })).toEqual([]);
    });

    test('yields events of other programs live only, with the type in the record', async () => {
      const fleet = await open();
      await register(fleet, 'd1', 'lamp');
      const feed = await openFeed(fleet);
      const message = { type: 'presence', deviceId: 'd1', status: 'online', timestamp: 1_700_000_000_000 };
      await fleet.redis.publish(fleet.keys.presenceChannel, JSON.stringify(message));
      const expected = { ...message, id: null, deviceType: 'lamp', seq: null, reason: null };
      expect(await feed.first(1)).toMatchObject([expected]);
      await feed.stop();
      expect(await replay(fleet, { time: 0 })).toEqual([]);
    });
  });
}
