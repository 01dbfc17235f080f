/** What the feed says of its connections, what it takes for final, and what it keeps for a slow consumer. */
import { describe, expect, test, vi } from 'vitest';
import type { PresenceEvent } from '../../../src/core/model/device.js';
import { type FeedOptions, presenceFeed } from '../../../src/core/presence/feed.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { MAX_DEVICES_PER_SCRIPT } from '../../../src/core/store/scripts.js';
import { failure, openFeed, openFleet, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const CLIENT = { maxRetriesPerRequest: null, commandTimeout: 300, retryStrategy: () => 50 };

const foreign = (id: string) =>
  `{"type":"presence","deviceId":"${id}","status":"online","timestamp":1700000000000}`;

describe('the connection that it listens on', () => {
  test('is lost alone: said once each, and other programs are heard again', async () => {
    const [fleet, writer] = [await openFleet(redis, {}, CLIENT), await openFleet(redis)];
    const said: string[] = [];
    const feed = await openFeed(fleet, {
      onLost: ({ code, message }) => said.push(`${code} ${message}`),
      onResumed: () => said.push('resumed'),
    });
    await writer.redis.client('KILL', 'TYPE', 'pubsub');
    await until(() => said.length === 2);
    await writer.redis.publish(writer.keys.presenceChannel, foreign('d1'));
    expect(await feed.first(1)).toMatchObject([{ deviceId: 'd1', seq: null }]);
    await feed.stop();
    expect(said).toEqual(['CONNECTION connection lost', 'resumed']);
  });

  test('is lost with the other: one loss', async () => {
    const [fleet, writer] = [await openFleet(redis, {}, CLIENT), await openFleet(redis)];
    await register(writer, 'd1', 'lamp');
    const said: string[] = [];
    const feed = await openFeed(fleet, {
      onLost: () => said.push('lost'),
      onResumed: () => said.push('resumed'),
    });
    await writer.redis.client('KILL', 'TYPE', 'pubsub');
    await writer.redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await heartbeat(writer, { id: 'd1' });
    await feed.first(1);
    await until(() => said.includes('resumed'));
    await feed.stop();
    expect(said).toEqual(['lost', 'resumed']);
  });
});

describe('refused after the start: final', () => {
  const acl = (fleet: Fleet, ...rules: string[]) => fleet.redis.call('ACL', 'SETUSER', 'app', ...rules);

  test.each<[what: string, change: (fleet: Fleet) => Promise<unknown>, message: RegExp]>([
    ['a command', (fleet) => acl(fleet, '-xrange'), /^permission refused/],
    ['a key', (fleet) => acl(fleet, 'resetkeys', '~device:*'), /^permission refused/],
    ['the channel', (fleet) => acl(fleet, 'resetchannels'), /^permission refused/],
    [
      'the records, which say the types',
      async (fleet) => {
        await acl(fleet, '-hmget');
        await fleet.redis.publish(fleet.keys.presenceChannel, foreign('d1'));
      },
      /^permission refused/,
    ],
    [
      'the password',
      async (fleet) => {
        await acl(fleet, 'resetpass', '>other');
        await fleet.redis.client('KILL', 'USER', 'app');
      },
      /^wrong user name or password/,
    ],
  ])('%s', async (_what, change, message) => {
    const admin = await openFleet(redis);
    await acl(admin, 'reset', 'on', '>pw', '~*', '&*', '+@all');
    const own = await openFleet(redis, {}, { ...CLIENT, username: 'app', password: 'pw' });
    const run = async () => {
      for await (const _ of presenceFeed(own, { onReady: () => void change(admin) }));
    };
    expect(await failure(run())).toMatchObject({
      code: 'CONNECTION',
      message: expect.stringMatching(message),
    });
    own.redis.disconnect();
  });
});

describe('a consumer that takes its time', () => {
  const COUNT = 15_000;

  /** Takes the first event, and the others once all have been published and heard. */
  async function slowly(fleet: Fleet, options: FeedOptions): Promise<PresenceEvent[]> {
    const publisher = await openFleet(redis);
    const publish = async (from: number, to: number) => {
      const pipeline = publisher.redis.pipeline();
      for (let i = from; i < to; i++) pipeline.publish(fleet.keys.presenceChannel, foreign(`d${i}`));
      await pipeline.exec();
    };
    const delivered = async () =>
      ((await publisher.redis.call('CLIENT', 'LIST', 'TYPE', 'pubsub')) as string).includes(' omem=0 ');
    const stop = new AbortController();
    const events: PresenceEvent[] = [];
    const onReady = () => void publish(0, 1);
    for await (const event of presenceFeed(fleet, { ...options, signal: stop.signal, onReady })) {
      if (events.push(event) === 1) {
        await publish(1, COUNT);
        await until(delivered);
      }
      if (event.deviceId === `d${COUNT - 1}`) stop.abort();
    }
    return events;
  }

  test('gets the newest 10,000 of what others published, and is told how many it does not', async () => {
    const fleet = await openFleet(redis);
    let dropped = 0;
    const events = await slowly(fleet, { onDropped: (count) => (dropped += count) });
    expect(dropped).toBeGreaterThan(0);
    expect(events.length).toBeGreaterThanOrEqual(10_000);
    expect(events.length + dropped).toBe(COUNT);
    const places = events.slice(1).map(({ deviceId }) => Number(deviceId.slice(1)));
    expect(places).toEqual(places.map((_, i) => COUNT - places.length + i));
  });

  test('their types are read in chunks', async () => {
    const fleet = await openFleet(redis);
    const pipeline = vi.spyOn(fleet, 'pipeline');
    await slowly(fleet, {});
    const longest = Math.max(...pipeline.mock.calls.map(([commands]) => commands.length));
    expect(longest).toBeGreaterThan(100);
    expect(longest).toBeLessThanOrEqual(1 + 2 * MAX_DEVICES_PER_SCRIPT);
  });
});
