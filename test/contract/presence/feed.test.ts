/** presenceFeed: every event once and in order, across lost connections, and how it ends. */
import { describe, expect, test } from 'vitest';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { presenceFeed } from '../../../src/core/presence/feed.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { failure, logOf, openFeed, openFleet, type SingleFleet, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
const RECONNECTING = { retryStrategy: () => 20, maxRetriesPerRequest: null };
const FAILING_AT_ONCE = { retryStrategy: () => 20, maxRetriesPerRequest: 0 };

/** Announces the device online and offline again, `times` times. */
async function flap(fleet: SingleFleet, id: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await heartbeat(fleet, { id });
    await disconnect(fleet, id);
  }
}

let namedFleets = 0;

/** A fleet whose connections have a name, because connections of other tests reconnect after a server restart. */
function openNamed(): Promise<SingleFleet> {
  namedFleets += 1;
  return openFleet(redis, {}, { connectionName: `fleet-${namedFleets}` });
}

async function connections({ redis }: SingleFleet): Promise<number> {
  const lines = ((await redis.client('LIST')) as string).split('\n');
  return lines.filter((line) => line.includes(` name=${redis.options.connectionName} `)).length;
}

describe('yields each event once, in order', () => {
  test('across repeatedly killed connections', async () => {
    const [fleet, writer] = [
      await openFleet(redis, {}, RECONNECTING),
      await openFleet(redis, {}, RECONNECTING),
    ];
    await register(writer, 'd1', 'lamp');
    await flap(writer, 'd1', 2);
    const feed = await openFeed(fleet);
    for (let round = 0; round < 6; round++) {
      await flap(writer, 'd1', 3);
      await writer.redis.call('CLIENT', 'KILL', 'TYPE', round % 2 === 0 ? 'pubsub' : 'normal');
      await flap(writer, 'd1', 3);
    }
    const events = await feed.first(72);
    expect(events).toEqual((await logOf(writer)).slice(4));
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 72 }, (_, i) => i + 5));
    await feed.stop();
  });

  test('across a restart of the server', async () => {
    const [fleet, writer] = [
      await openFleet(redis, {}, RECONNECTING),
      await openFleet(redis, {}, RECONNECTING),
    ];
    await register(writer, 'd1', 'lamp');
    const feed = await openFeed(fleet);
    for (let round = 0; round < 2; round++) {
      await flap(writer, 'd1', 10);
      await redis.server.restart();
      await flap(writer, 'd1', 10);
    }
    expect((await feed.first(80)).map(({ seq }) => seq)).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
    await feed.stop();
    expect(feed.events).toEqual(await logOf(writer));
  });

  test('when 2,500 events are announced at once', async () => {
    const fleet = await openFleet(redis);
    const beats = Array.from({ length: 2500 }, (_, i) => ({ id: `d${i}` }));
    await Promise.all(beats.map(({ id }) => register(fleet, id, 'lamp')));
    const feed = await openFeed(fleet);
    await heartbeats(fleet, beats);
    expect((await feed.first(2500)).map(({ deviceId }) => deviceId)).toEqual(beats.map(({ id }) => id));
    await feed.stop();
  });
});

test('calls onLost once when the connection is lost, and onResumed once when it is back', async () => {
  const [fleet, writer] = [
    await openFleet(redis, {}, FAILING_AT_ONCE),
    await openFleet(redis, { requestTimeout: 20_000 }, RECONNECTING),
  ];
  await register(writer, 'd1', 'lamp');
  const story: string[] = [];
  const feed = await openFeed(fleet, {
    onLost: ({ code }) => story.push(code),
    onResumed: () => story.push('resumed'),
  });
  await redis.server.kill();
  await until(() => story.length === 1);
  await redis.server.restart();
  await heartbeat(writer, { id: 'd1' });
  expect(await feed.first(1)).toMatchObject([{ seq: 1, status: 'online' }]);
  await until(() => story.length === 2);
  expect(story).toEqual(['CONNECTION', 'resumed']);
  await feed.stop();
});

test('ignores messages that are no presence events, and yields devstate’s events once', async () => {
  const fleet = await openFleet(redis);
  await register(fleet, 'a:b', 'lamp');
  const feed = await openFeed(fleet);
  const garbage = [
    '',
    'hello',
    '{',
    '[]',
    'null',
    '{"type":"presence"}',
    '{"type":"alarm","deviceId":"x","status":"online"}',
  ];
  for (const message of garbage) await fleet.redis.publish('devices:presence', message);
  await heartbeat(fleet, { id: 'a:b' });
  const foreign = { type: 'presence', deviceId: 'a:b', status: 'offline', timestamp: 1_700_000_000_123 };
  await fleet.redis.publish('devices:presence', JSON.stringify(foreign));
  await fleet.redis.publish(
    'devices:presence',
    JSON.stringify({ ...foreign, deviceId: 'nobody', deviceType: 'said' }),
  );
  await feed.first(3);
  await feed.stop();
  const none = { id: null, seq: null, reason: null, previousAt: null };
  expect(feed.events.sort((a, b) => (b.seq ?? 0) - (a.seq ?? 0))).toEqual([
    (await logOf(fleet))[0],
    { ...foreign, ...none, deviceType: 'lamp' },
    { ...foreign, ...none, deviceId: 'nobody', deviceType: 'said' },
  ]);
});

describe('the feed ends', () => {
  test('by its signal, and closes its connection', async () => {
    const fleet = await openNamed();
    const feed = await openFeed(fleet);
    expect(await connections(fleet)).toBe(2);
    await feed.stop();
    await until(async () => (await connections(fleet)) === 1);
  });

  test('by its signal before it yields events that were already read', async () => {
    const fleet = await openFleet(redis);
    const beats = ['d1', 'd2', 'd3'].map((id) => ({ id }));
    for (const { id } of beats) await register(fleet, id, 'lamp');
    const stop = new AbortController();
    const seen: string[] = [];
    const onReady = () => void heartbeats(fleet, beats); // one script announces all three
    for await (const { deviceId } of presenceFeed(fleet, { signal: stop.signal, onReady })) {
      seen.push(deviceId);
      stop.abort();
    }
    expect(seen).toEqual(['d1']);
  });

  test('when the consumer breaks, and closes its connection', async () => {
    const fleet = await openNamed();
    await register(fleet, 'd1', 'lamp');
    for await (const { seq } of presenceFeed(fleet, { onReady: () => void heartbeat(fleet, { id: 'd1' }) })) {
      expect(seq).toBe(1);
      break;
    }
    await until(async () => (await connections(fleet)) === 1);
  });

  test('without an event, when the signal was aborted before', async () => {
    const fleet = await openNamed();
    for await (const event of presenceFeed(fleet, { signal: AbortSignal.abort() }))
      expect(event).toBeUndefined();
    await until(async () => (await connections(fleet)) === 1);
  });

  test('by its signal while the server is down', async () => {
    const fleet = await openFleet(redis, {}, RECONNECTING);
    await redis.server.kill();
    await until(() => fleet.redis.status !== 'ready');
    const stop = new AbortController();
    const ended = presenceFeed(fleet, { signal: stop.signal }).next();
    stop.abort();
    expect(await ended).toEqual({ done: true, value: undefined });
    await redis.server.restart();
  });

  test('with an error that names the log, when the log has the wrong type', async () => {
    const fleet = await openNamed();
    await fleet.redis.set('devices:presence:log', 'x');
    const error = await failure(presenceFeed(fleet).next());
    expect(error).toMatchObject({
      code: 'BAD_RECORD',
      message: expect.stringMatching(/^devices:presence:log holds/),
    });
    await until(async () => (await connections(fleet)) === 1);
  });
});
