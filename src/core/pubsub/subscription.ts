/**
 * A channel on a connection of its own, subscribed again after each loss. What is said
 * meanwhile is missed, so loss and return are told. Subscribed by hand, because ioredis
 * tells neither when it has done it again nor that it was refused.
 */
import type { Redis } from 'ioredis';
import { DevstateError } from '../model/errors.js';
import { closeConnection } from '../store/close-connection.js';
import type { Fleet } from '../store/fleet.js';
import { isDenied, isTransient, toDevstateError } from '../store/redis-errors.js';

export interface SubscriptionListener {
  onMessage(message: string): void;
  /** Nothing is heard from now on; told again while that lasts. */
  onLost(error: DevstateError): void;
  /** Subscribed again. */
  onBack(): void;
}

export interface Subscription {
  /** Subscribed: nothing that is said from now on is missed. Rejects with a DevstateError. */
  readonly ready: Promise<void>;
  /** Why nothing is heard at present. */
  readonly lost: DevstateError | undefined;
  close(): void;
}

export interface OwnedSubscription extends Subscription {
  /** Its connections are closed, and that is told. */
  end(): void;
}

/** For its connection. */
export const MANUAL_RESUBSCRIBE = { autoResubscribe: false };

/** @param late something may have been missed already: when it is subscribed, it is back */
export function subscribeOn(
  fleet: Fleet,
  subscriber: Redis,
  channel: string,
  { onMessage, onLost, onBack }: SubscriptionListener,
  late = false,
): OwnedSubscription {
  let open = late;
  let lost = late ? new DevstateError('CONNECTION', 'connection lost') : undefined;

  const listen = () => fleet.send(async () => void (await subscriber.subscribe(channel)));
  const lose = (error: DevstateError) => {
    if (!open || (lost && !isTransient(lost))) return; // what was denied stays so, whatever the connection does
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
      lose(toDevstateError(error));
      if (subscriber.status === 'ready') subscriber.disconnect(true); // nobody answered: on a new connection
    }
  };
  const end = () => closeConnection(subscriber);

  subscriber.on('message', (_channel: string, message: string) => onMessage(message));
  subscriber.on('close', () => lose(new DevstateError('CONNECTION', 'connection lost')));
  subscriber.on('error', (error: unknown) => {
    if (isDenied(error)) lose(toDevstateError(error)); // of all other reasons it is enough that it closes
  });
  subscriber.on('ready', () => void (lost && listenAgain()));
  const ready = late
    ? subscriber.connect()
    : listen().then(() => {
        open = true;
      });
  ready.catch(() => {}); // told to who waits for it, and that may be later
  return {
    ready,
    get lost() {
      return lost;
    },
    end,
    close() {
      open = false;
      end();
    },
  };
}
