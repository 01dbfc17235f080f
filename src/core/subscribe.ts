/**
 * A channel on a connection of its own, subscribed again after each loss; it ends with the
 * fleet's. What is said meanwhile is missed, so loss and return are told. Subscribed by
 * hand, because ioredis tells neither when it has done it again nor that it was refused.
 */
import { DevstateError } from './errors.js';
import type { Fleet } from './fleet.js';
import { hangUp } from './hang-up.js';
import { fromRedis, isDenied, mayPass } from './redis-errors.js';

export interface Hearer {
  hear(message: string): void;
  /** Nothing is heard from now on; told again while that lasts. */
  onLost(error: DevstateError): void;
  /** Subscribed again. */
  onBack(): void;
}

export interface Ear {
  /** Subscribed: nothing that is said from now on is missed. Rejects with a DevstateError. */
  readonly ready: Promise<void>;
  /** Why nothing is heard at present. */
  readonly lost: DevstateError | undefined;
  close(): void;
}

export function subscribe(fleet: Fleet, channel: string, { hear, onLost, onBack }: Hearer): Ear {
  const subscriber = fleet.redis.duplicate({ autoResubscribe: false });
  let open = false;
  let lost: DevstateError | undefined;

  const listen = () => fleet.send(async () => void (await subscriber.subscribe(channel)));
  const lose = (error: DevstateError) => {
    if (!open || (lost && !mayPass(lost))) return; // what was denied stays so, whatever the connection does
    lost = error;
    onLost(error);
  };
  const listenAgain = async () => {
    try {
      await listen();
      if (!open || !lost) return;
      lost = undefined;
      onBack();
    } catch (error) {
      lose(fromRedis(error));
      if (subscriber.status === 'ready') subscriber.disconnect(true); // nobody answered: on a new connection
    }
  };
  const end = () => hangUp(subscriber);

  subscriber.on('message', (_channel: string, message: string) => hear(message));
  subscriber.on('close', () => lose(new DevstateError('CONNECTION', 'connection lost')));
  subscriber.on('error', (error: unknown) => {
    if (isDenied(error)) lose(fromRedis(error)); // of all other reasons it is enough that it closes
  });
  subscriber.on('ready', () => void (lost && listenAgain()));
  fleet.redis.once('end', end);
  const ready = listen().then(() => {
    open = true;
  });
  ready.catch(() => {}); // told to who waits for it, and that may be later
  return {
    ready,
    get lost() {
      return lost;
    },
    close() {
      open = false;
      fleet.redis.off('end', end);
      end();
    },
  };
}
