/**
 * A channel on a connection of its own, subscribed again by ioredis after each loss; it
 * ends with the fleet's.
 */
import type { Fleet } from './fleet.js';
import { hangUp } from './hang-up.js';

export interface Ear {
  /** Subscribed: nothing that is said from now on is missed. Rejects with a DevstateError. */
  readonly ready: Promise<void>;
  close(): void;
}

export function subscribe(fleet: Fleet, channel: string, hear: (message: string) => void): Ear {
  const subscriber = fleet.redis.duplicate();
  subscriber.on('error', () => {}); // a loss is noticed and told by the commands beside it
  subscriber.on('message', (_channel: string, message: string) => hear(message));
  const close = () => {
    fleet.redis.off('end', close);
    hangUp(subscriber);
  };
  fleet.redis.once('end', close);
  const ready = fleet.send(async () => void (await subscriber.subscribe(channel)));
  ready.catch(() => {}); // told to who waits for it, and that may be later
  return { ready, close };
}
