/** The presence feed: every event once and in order, whatever becomes of the connection. */
import { describe, expect, test } from 'vitest';
import { presenceFeed } from '../../../src/core/presence/feed.js';
import { disconnect, heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { failure, logOf, openFeed, openFleet, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
const patient = { retryStrategy: () => 20, maxRetriesPerRequest: null };
const impatient = { retryStrategy: () => 20, maxRetriesPerRequest: 0 };

/** Online and offline again, `times` times. */
async function flap(fleet: Fleet, id: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await heartbeat(fleet, { id });
    await disconnect(fleet, id);
  }
}

let named = 0;

/** A fleet whose connections can be told from those of other tests, which come back whenever the server does. */
function openNamed(): Promise<Fleet> {
  named += 1;
  return openFleet(redis, {}, { connectionName: `fleet-${named}` });
}

async function connections({ redis }: Fleet): Promise<number> {
  const lines = ((await redis.client('LIST')) as string).split('\n');
  return lines.filter((line) => line.includes(` name=${redis.options.connectionName} `)).length;
}

describe('each event once, in order', () => {
  test('across connections that are killed again and again', async () => {
    const [fleet, writer] = [await openFleet(redis, {}, patient), await openFleet(redis, {}, patient)];
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
    const [fleet, writer] = [await openFleet(redis, {}, patient), await openFleet(redis, {}, patient)];
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

  test('of 2,500 that came in one go', async () => {
    const fleet = await openFleet(redis);
    const beats = Array.from({ length: 2500 }, (_, i) => ({ id: `d${i}` }));
    await Promise.all(beats.map(({ id }) => register(fleet, id, 'lamp')));
    const feed = await openFeed(fleet);
    await heartbeats(fleet, beats);
    expect((await feed.first(2500)).map(({ deviceId }) => deviceId)).toEqual(beats.map(({ id }) => id));
    await feed.stop();
  });
});

test('tells when the connection is lost, and when it goes on', async () => {
  const [fleet, writer] = [await openFleet(redis, {}, impatient), await openFleet(redis, {}, patient)];
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

test('what is no presence event is ignored, devstate’s own are not told twice', async () => {
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

describe('the end', () => {
  test('by the signal leaves no connection behind', async () => {
    const fleet = await openNamed();
    const feed = await openFeed(fleet);
    expect(await connections(fleet)).toBe(2);
    await feed.stop();
    await until(async () => (await connections(fleet)) === 1);
  });

  test('by the signal comes at once, whatever has not been handed out', async () => {
    const fleet = await openFleet(redis);
    const beats = ['d1', 'd2', 'd3'].map((id) => ({ id }));
    for (const { id } of beats) await register(fleet, id, 'lamp');
    const stop = new AbortController();
    const seen: string[] = [];
    const onReady = () => void heartbeats(fleet, beats); // in one script: all are there, or none
    for await (const { deviceId } of presenceFeed(fleet, { signal: stop.signal, onReady })) {
      seen.push(deviceId);
      stop.abort();
    }
    expect(seen).toEqual(['d1']);
  });

  test('by the consumer too', async () => {
    const fleet = await openNamed();
    await register(fleet, 'd1', 'lamp');
    for await (const { seq } of presenceFeed(fleet, { onReady: () => void heartbeat(fleet, { id: 'd1' }) })) {
      expect(seq).toBe(1);
      break;
    }
    await until(async () => (await connections(fleet)) === 1);
  });

  test('of one that was aborted before it began', async () => {
    const fleet = await openNamed();
    for await (const event of presenceFeed(fleet, { signal: AbortSignal.abort() }))
      expect(event).toBeUndefined();
    await until(async () => (await connections(fleet)) === 1);
  });

  test('by an abort while nobody answers', async () => {
    const fleet = await openFleet(redis, {}, patient);
    await redis.server.kill();
    await until(() => fleet.redis.status !== 'ready');
    const stop = new AbortController();
    const ended = presenceFeed(fleet, { signal: stop.signal }).next();
    stop.abort();
    expect(await ended).toEqual({ done: true, value: undefined });
    await redis.server.restart();
  });

  test('where the log is no log: an error that names it', async () => {
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
