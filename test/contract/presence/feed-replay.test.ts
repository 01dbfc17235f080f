/** The feed that can be resumed: from an event or a moment, through lost connections, each event once and in order. */

import { describe, expect, test } from 'vitest';
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';
import { presenceFeed } from '../../../src/core/presence/feed.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import type { Gap, Since } from '../../../src/core/presence/log-reader.js';
import { register } from '../../../src/core/registry/register.js';
import { articleProgram } from '../../support/article.mjs';
import { logOf, type OpenFeed, openFeed, openFleet, type SingleFleet, until } from '../../support/fleet.js';
import { type TestRedis, useRedis } from '../../support/redis.js';
import { announceRounds, announceUntilStopped } from '../../support/transitions.js';

const redis = useRedis();
const IDS = ['d1', 'd2', 'd3'];

const idsOf = (events: readonly PresenceEvent[]) => events.map(({ id }) => id);
const timeOf = (id: string | null) => Number(id?.split('-')[0]);

async function openWithDevices(at: TestRedis = redis): Promise<SingleFleet> {
  const fleet = await openFleet(at, {}, { retryStrategy: () => 20 });
  fleet.redis.on('error', () => {});
  for (const id of IDS) await register(fleet, id, 'lamp');
  return fleet;
}

/** Waits until the feed has yielded the newest event of the log. */
async function untilCaughtUp(fleet: SingleFleet, feed: OpenFeed): Promise<void> {
  const [newest] = await fleet.redis.xrevrange(fleet.keys.log, '+', '-', 'COUNT', 1);
  await until(() => feed.events.at(-1)?.id === newest?.[0]);
}

describe('replays, then follows', () => {
  test.each([
    ['an id', (event: PresenceEvent): Since => ({ id: event.id as string })],
    ['a moment', (event: PresenceEvent): Since => ({ time: timeOf(event.id) })],
    ['a moment with a fraction', (event: PresenceEvent): Since => ({ time: timeOf(event.id) + 0.5 })],
    ['the beginning', (): Since => ({ time: 0 })],
  ])('since %s, while events are announced: yields each once, in order', async (_what, sinceOf) => {
    const fleet = await openWithDevices();
    await announceRounds(fleet, IDS, 400); // more than one chunk of the log
    const before = await logOf(fleet);
    const since = sinceOf(before[300] as PresenceEvent);
    const writer = announceUntilStopped(await openFleet(redis), IDS);
    const gaps: Gap[] = [];
    const feed = await openFeed(fleet, { since, onGap: (gap) => void gaps.push(gap) });
    const ready = feed.events.length;
    await until(() => feed.events.length >= ready + 300);
    await writer.stop();
    await untilCaughtUp(fleet, feed);
    await feed.stop();
    const log = await logOf(fleet);
    const expected =
      'id' in since ? log.slice(301) : log.filter(({ id }) => timeOf(id) >= Math.floor(since.time));
    expect(idsOf(feed.events)).toEqual(idsOf(expected));
    expect(feed.events).toEqual(expected);
    expect(gaps).toEqual([]);
  });

  test('without since: yields later events only', async () => {
    const fleet = await openWithDevices();
    await announceRounds(fleet, IDS, 5);
    const before = (await logOf(fleet)).length;
    const feed = await openFeed(fleet);
    await announceRounds(fleet, IDS, 5);
    await untilCaughtUp(fleet, feed);
    await feed.stop();
    expect(idsOf(feed.events)).toEqual(idsOf((await logOf(fleet)).slice(before)));
  });

  test('yields events of other programs live only, with the type in the record', async () => {
    const fleet = await openWithDevices();
    const article = articleProgram(fleet.redis, 'node');
    await article.heartbeat('d1');
    await heartbeat(fleet, { id: 'd2' });
    const feed = await openFeed(fleet, { since: { time: 0 } });
    await article.heartbeat('d3');
    await feed.first(2);
    await feed.stop();
    expect(feed.events).toMatchObject([
      { deviceId: 'd2', seq: 1, reason: 'heartbeat' },
      { id: null, deviceId: 'd3', deviceType: 'lamp', status: 'online', seq: null, reason: null },
    ]);
  });

  test('ends when the consumer breaks', async () => {
    const fleet = await openWithDevices();
    await announceRounds(fleet, IDS, 2);
    const seen: string[] = [];
    for await (const { deviceId } of presenceFeed(fleet, { since: { time: 0 } })) {
      seen.push(deviceId);
      if (seen.length === 5) break;
    }
    expect(seen).toHaveLength(5);
  });
});

describe('after lost connections', () => {
  test('continues after the last event, and calls onLost and onResumed in turn', async () => {
    const fleet = await openWithDevices();
    const own = await openFleet(redis, {}, { maxRetriesPerRequest: 0, retryStrategy: () => 10 });
    own.redis.on('error', () => {});
    const notices: string[] = [];
    const feed = await openFeed(own, {
      onLost: ({ code }) => notices.push(code),
      onResumed: () => notices.push('resumed'),
      onGap: () => notices.push('gap'),
    });
    const writer = announceUntilStopped(fleet, IDS);
    for (let kills = 0; kills < 15; kills++) {
      const count = feed.events.length;
      const killed = own.redis.status === 'ready' ? await own.redis.client('ID').catch(() => 0) : 0;
      if (kills % 3 !== 0) await fleet.redis.client('KILL', 'TYPE', 'pubsub');
      if (killed > 0) await fleet.redis.client('KILL', 'ID', killed);
      await until(() => feed.events.length > count + 50);
    }
    await writer.stop();
    await untilCaughtUp(fleet, feed);
    await feed.stop();
    expect(idsOf(feed.events)).toEqual(idsOf(await logOf(fleet)));
    expect(notices.filter((word) => word === 'CONNECTION').length).toBeGreaterThan(0);
    for (const [i, word] of notices.entries()) expect(word).toBe(i % 2 === 0 ? 'CONNECTION' : 'resumed');
  });

  describe('on a server with an append-only file', () => {
    const persistent = useRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });

    test('yields each event once, when the server is killed and restarted', async () => {
      const fleet = await openWithDevices(persistent);
      const own = await openFleet(persistent, {}, { maxRetriesPerRequest: 1, retryStrategy: () => 20 });
      own.redis.on('error', () => {});
      const notices: string[] = [];
      const feed = await openFeed(own, {
        onLost: () => notices.push('lost'),
        onResumed: () => notices.push('resumed'),
        onGap: () => notices.push('gap'),
      });
      await announceRounds(fleet, IDS, 5);
      await persistent.server.kill();
      await until(() => notices.includes('lost'));
      await persistent.server.restart();
      await announceRounds(fleet, IDS, 5);
      await untilCaughtUp(fleet, feed);
      await until(() => notices.includes('resumed'));
      await feed.stop();
      expect(idsOf(feed.events)).toEqual(idsOf(await logOf(fleet)));
      expect(notices).toEqual(['lost', 'resumed']);
    });
  });

  describe('on a server without persistence', () => {
    const volatile = useRedis();

    test('reports a gap after a restart, and yields later events', async () => {
      const fleet = await openWithDevices(volatile);
      const gaps: Gap[] = [];
      const feed = await openFeed(fleet, { onGap: (gap) => void gaps.push(gap) });
      await announceRounds(fleet, IDS, 1);
      await untilCaughtUp(fleet, feed);
      const last = feed.events.at(-1)?.id as string;
      await volatile.server.restart();
      await until(() => gaps.length > 0);
      expect(gaps).toEqual([{ after: last, before: null }]);
      await register(fleet, 'd1', 'lamp');
      await heartbeat(fleet, { id: 'd1' });
      expect(await feed.first(7)).toHaveLength(7);
      await feed.stop();
      expect(gaps).toHaveLength(1);
    });
  });
});
