/** The feed: notices of lost connections, errors that end it, and the limit of events kept for a slow consumer. */
import { describe, expect, test, vi } from 'vitest';
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';
import { type FeedOptions, presenceFeed } from '../../../src/core/presence/feed.js';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { failure, openFeed, openFleet, type SingleFleet, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const CLIENT = { maxRetriesPerRequest: null, commandTimeout: 300, retryStrategy: () => 50 };

const foreign = (id: string) =>
  `{"type":"presence","deviceId":"${id}","status":"online","timestamp":1700000000000}`;

describe('when the subscribed connection', () => {
  test('is lost: calls onLost and onResumed once, and receives messages again', async () => {
    const [fleet, writer] = [await openFleet(redis, {}, CLIENT), await openFleet(redis)];
    const notices: string[] = [];
    const feed = await openFeed(fleet, {
      onLost: ({ code, message }) => notices.push(`${code} ${message}`),
      onResumed: () => notices.push('resumed'),
    });
    await writer.redis.client('KILL', 'TYPE', 'pubsub');
    await until(() => notices.length === 2);
    await writer.redis.publish(writer.keys.presenceChannel, foreign('d1'));
    expect(await feed.first(1)).toMatchObject([{ deviceId: 'd1', seq: null }]);
    await feed.stop();
    expect(notices).toEqual(['CONNECTION connection lost', 'resumed']);
  });

  test('is lost together with the other one: calls onLost and onResumed once', async () => {
    const [fleet, writer] = [await openFleet(redis, {}, CLIENT), await openFleet(redis)];
    await register(writer, 'd1', 'lamp');
    const notices: string[] = [];
    const feed = await openFeed(fleet, {
      onLost: () => notices.push('lost'),
      onResumed: () => notices.push('resumed'),
    });
    await writer.redis.client('KILL', 'TYPE', 'pubsub');
    await writer.redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await heartbeat(writer, { id: 'd1' });
    await feed.first(1);
    await until(() => notices.includes('resumed'));
    await feed.stop();
    expect(notices).toEqual(['lost', 'resumed']);
  });
});

describe('ends with an error, when the server refuses after the start', () => {
  const acl = (fleet: SingleFleet, ...rules: string[]) => fleet.redis.call('ACL', 'SETUSER', 'app', ...rules);

  test.each<[what: string, change: (fleet: SingleFleet) => Promise<unknown>, message: RegExp]>([
    ['the command XRANGE', (fleet) => acl(fleet, '-xrange'), /^permission refused/],
    ['the key of the log', (fleet) => acl(fleet, 'resetkeys', '~device:*'), /^permission refused/],
    ['the channel', (fleet) => acl(fleet, 'resetchannels'), /^permission refused/],
    [
      'the records, from which types are read',
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

describe('a slow consumer', () => {
  const COUNT = 15_000;

  /** Consumes the first event, and the others only after all have been published and received. */
  async function consumeSlowly(fleet: SingleFleet, options: FeedOptions): Promise<PresenceEvent[]> {
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

  test('gets the newest 10,000 events of other programs, and onDropped gets the number of the others', async () => {
    const fleet = await openFleet(redis);
    let dropped = 0;
    const events = await consumeSlowly(fleet, { onDropped: (count) => (dropped += count) });
    expect(dropped).toBeGreaterThan(0);
    expect(events.length).toBeGreaterThanOrEqual(10_000);
    expect(events.length + dropped).toBe(COUNT);
    const numbers = events.slice(1).map(({ deviceId }) => Number(deviceId.slice(1)));
    expect(numbers).toEqual(numbers.map((_, i) => COUNT - numbers.length + i));
  });

  test('gets types that were read in chunks', async () => {
    const fleet = await openFleet(redis);
    const pipeline = vi.spyOn(fleet.only, 'pipeline');
    await consumeSlowly(fleet, {});
    const longest = Math.max(...pipeline.mock.calls.map(([commands]) => commands.length));
    expect(longest).toBeGreaterThan(100);
    expect(longest).toBeLessThanOrEqual(1 + 2 * 500); // TIME, and the record and heartbeat key of 500 devices
  });
});
