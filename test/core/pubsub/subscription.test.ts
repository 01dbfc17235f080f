/** A subscription on a connection that the test simulates. */
import { EventEmitter } from 'node:events';
import { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { subscribeOn } from '../../../src/core/pubsub/subscription.js';
import type { Fleet } from '../../../src/core/store/fleet.js';

test('delivers no message after close, though the connection still reads one', async () => {
  const events = new EventEmitter();
  const connection = Object.assign(events, {
    status: 'ready',
    connect: async () => void events.emit('ready'),
    subscribe: async () => 1,
    disconnect: () => {},
  });
  const fleet = { requestTimeoutMs: 1000 } as Fleet;
  const onMessage = vi.fn();
  const listener = { onMessage, onLost: () => {}, onResumed: () => {} };
  const subscription = subscribeOn(fleet, connection as unknown as Redis, 'channel', listener);
  await subscription.ready;
  connection.emit('message', 'channel', 'before');
  subscription.close();
  connection.emit('message', 'channel', 'after');
  expect(onMessage.mock.calls).toEqual([['before']]);
});

test.each(['close', 'disconnect'] as const)('%s before the first SUBSCRIBE leaves no timer', async (end) => {
  const connection = new Redis({
    host: '127.0.0.1',
    port: 1,
    lazyConnect: true,
    retryStrategy: () => 60_000,
  });
  const timersBefore = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const fleet = { requestTimeoutMs: 60_000 } as Fleet;
  const listener = { onMessage: () => {}, onLost: () => {}, onResumed: () => {} };
  const subscription = subscribeOn(fleet, connection, 'channel', listener);
  subscription[end]();
  await expect(subscription.ready).rejects.toMatchObject({ code: 'CONNECTION' });
  expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout')).toHaveLength(timersBefore);
});
