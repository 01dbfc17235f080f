/** A subscription on a connection that the test plays. */
import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { subscribeOn } from '../../../src/core/pubsub/subscription.js';
import type { Fleet } from '../../../src/core/store/fleet.js';

test('delivers no message after close, though the connection still reads one', async () => {
  const connection = Object.assign(new EventEmitter(), {
    status: 'ready',
    subscribe: async () => 1,
    disconnect: () => {},
  });
  const fleet = { send: (request: () => Promise<unknown>) => request() } as unknown as Fleet;
  const onMessage = vi.fn();
  const listener = { onMessage, onLost: () => {}, onResumed: () => {} };
  const subscription = subscribeOn(fleet, connection as unknown as Redis, 'channel', listener);
  await subscription.ready;
  connection.emit('message', 'channel', 'before');
  subscription.close();
  connection.emit('message', 'channel', 'after');
  expect(onMessage.mock.calls).toEqual([['before']]);
});
