/**
 * A channel on a connection of its own, subscribed again by ioredis after each loss; it
 * ends with the fleet's.
 */
import type { Fleet } from './fleet.js';
import { hangUp } from './hang-up.js';

export interface Ear {
  close(): void;
}

/** Resolves once subscribed. @throws DevstateError CONNECTION */
export async function subscribe(
  fleet: Fleet,
  channel: string,
  hear: (message: string) => void,
): Promise<Ear> {
  const subscriber = fleet.redis.duplicate();
  subscriber.on('error', () => {}); // a loss is noticed and told by the commands beside it
  subscriber.on('message', (_channel: string, message: string) => hear(message));
  const close = () => {
    fleet.redis.off('end', close);
    hangUp(subscriber);
  };
  fleet.redis.once('end', close);
  try {
    await fleet.send(() => subscriber.subscribe(channel));
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}
