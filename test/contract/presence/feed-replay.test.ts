/** The feed that can be resumed: from an event or a moment, through lost connections, each event once and in order. */
import { describe, expect, test } from 'vitest';
import type { PresenceEvent } from '../../../src/core/model/device.js';
import { presenceFeed } from '../../../src/core/presence/feed.js';
import { disconnect, heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import type { Gap, Since } from '../../../src/core/presence/log-reader.js';
import { register } from '../../../src/core/registry/register.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { articleProgram } from '../../support/article.js';
import { logOf, type OpenFeed, openFeed, openFleet, until } from '../../support/fleet.js';
import { type TestRedis, useRedis } from '../../support/redis.js';

const redis = useRedis();
const IDS = ['d1', 'd2', 'd3'];

const idsOf = (events: readonly PresenceEvent[]) => events.map(({ id }) => id);
const timeOf = (id: string | null) => Number(id?.split('-')[0]);

async function openWithDevices(at: TestRedis = redis): Promise<Fleet> {
  const fleet = await openFleet(at, {}, { retryStrategy: () => 20 });
  fleet.redis.on('error', () => {});
  for (const id of IDS) await register(fleet, id, 'lamp');
  return fleet;
}

/** So many transitions, three at a time. */
async function transitions(fleet: Fleet, count: number): Promise<void> {
  for (let done = 0; done < count; done += 6) {
    await heartbeats(
      fleet,
      IDS.map((id) => ({ id })),
    );
    await Promise.all(IDS.map((id) => disconnect(fleet, id)));
  }
}

/** Transitions until it is stopped. */
function writing(fleet: Fleet): { stop(): Promise<void> } {
  let stopped = false;
  const run = async () => {
    while (!stopped) await transitions(fleet, 6);
  };
  const running = run();
  return {
    async stop() {
      stopped = true;
      await running;
    },
  };
}

/** The feed has handed out all that the log holds. */
async function caughtUp(fleet: Fleet, feed: OpenFeed): Promise<void> {
  const [newest] = await fleet.redis.xrevrange(fleet.keys.log, '+', '-', 'COUNT', 1);
  await until(() => feed.events.at(-1)?.id === newest?.[0]);
}

describe('replay, then live', () => {
  test.each([
    ['an id', (event: PresenceEvent): Since => ({ id: event.id as string })],
    ['a moment', (event: PresenceEvent): Since => ({ time: timeOf(event.id) })],
    ['a moment with a fraction', (event: PresenceEvent): Since => ({ time: timeOf(event.id) + 0.5 })],
    ['the beginning', (): Since => ({ time: 0 })],
  ])('since %s, while events keep coming: each once, in order, none missing', async (_what, sinceOf) => {
    const fleet = await openWithDevices();
    await transitions(fleet, 2400); // more than a chunk of the log is left to replay
    const before = await logOf(fleet);
    const since = sinceOf(before[300] as PresenceEvent);
    const writer = writing(await openFleet(redis));
    const gaps: Gap[] = [];
    const feed = await openFeed(fleet, { since, onGap: (gap) => void gaps.push(gap) });
    const ready = feed.events.length;
    await until(() => feed.events.length >= ready + 300);
    await writer.stop();
    await caughtUp(fleet, feed);
    await feed.stop();
    const log = await logOf(fleet);
    const expected =
      'id' in since ? log.slice(301) : log.filter(({ id }) => timeOf(id) >= Math.floor(since.time));
    expect(idsOf(feed.events)).toEqual(idsOf(expected));
    expect(feed.events).toEqual(expected);
    expect(gaps).toEqual([]);
  });

  test('from now on: nothing of before, all of after', async () => {
    const fleet = await openWithDevices();
    await transitions(fleet, 30);
    const before = (await logOf(fleet)).length;
    const feed = await openFeed(fleet);
    await transitions(fleet, 30);
    await caughtUp(fleet, feed);
    await feed.stop();
    expect(idsOf(feed.events)).toEqual(idsOf((await logOf(fleet)).slice(before)));
  });

  test('other programs’ events come live only, with the type of the record', async () => {
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

  test('a consumer that leaves is enough to end it', async () => {
    const fleet = await openWithDevices();
    await transitions(fleet, 12);
    const seen: string[] = [];
    for await (const { deviceId } of presenceFeed(fleet, { since: { time: 0 } })) {
      seen.push(deviceId);
      if (seen.length === 5) break;
    }
    expect(seen).toHaveLength(5);
  });
});

describe('lost connections', () => {
  test('killed again and again while events keep coming: resumed from where it was, and said', async () => {
    const fleet = await openWithDevices();
    const own = await openFleet(redis, {}, { maxRetriesPerRequest: 0, retryStrategy: () => 10 });
    own.redis.on('error', () => {});
    const said: string[] = [];
    const feed = await openFeed(own, {
      onLost: ({ code }) => said.push(code),
      onResumed: () => said.push('resumed'),
      onGap: () => said.push('gap'),
    });
    const writer = writing(fleet);
    for (let kills = 0; kills < 15; kills++) {
      const count = feed.events.length;
      const killed = own.redis.status === 'ready' ? await own.redis.client('ID').catch(() => 0) : 0;
      if (kills % 3 !== 0) await fleet.redis.client('KILL', 'TYPE', 'pubsub');
      if (killed > 0) await fleet.redis.client('KILL', 'ID', killed);
      await until(() => feed.events.length > count + 50);
    }
    await writer.stop();
    await caughtUp(fleet, feed);
    await feed.stop();
    expect(idsOf(feed.events)).toEqual(idsOf(await logOf(fleet)));
    expect(said.filter((word) => word === 'CONNECTION').length).toBeGreaterThan(0);
    for (const [i, word] of said.entries()) expect(word).toBe(i % 2 === 0 ? 'CONNECTION' : 'resumed');
  });

  describe('a server with an append-only file', () => {
    const kept = useRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });

    test('dies and is restarted: the same events, each once', async () => {
      const fleet = await openWithDevices(kept);
      const own = await openFleet(kept, {}, { maxRetriesPerRequest: 1, retryStrategy: () => 20 });
      own.redis.on('error', () => {});
      const said: string[] = [];
      const feed = await openFeed(own, {
        onLost: () => said.push('lost'),
        onResumed: () => said.push('resumed'),
        onGap: () => said.push('gap'),
      });
      await transitions(fleet, 30);
      await kept.server.kill();
      await until(() => said.includes('lost'));
      await kept.server.restart();
      await transitions(fleet, 30);
      await caughtUp(fleet, feed);
      await until(() => said.includes('resumed'));
      await feed.stop();
      expect(idsOf(feed.events)).toEqual(idsOf(await logOf(fleet)));
      expect(said).toEqual(['lost', 'resumed']);
    });
  });

  describe('a server that keeps nothing', () => {
    const forgetful = useRedis();

    test('is restarted: what it forgot is named, and the feed goes on', async () => {
      const fleet = await openWithDevices(forgetful);
      const gaps: Gap[] = [];
      const feed = await openFeed(fleet, { onGap: (gap) => void gaps.push(gap) });
      await transitions(fleet, 6);
      await caughtUp(fleet, feed);
      const last = feed.events.at(-1)?.id as string;
      await forgetful.server.restart();
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
