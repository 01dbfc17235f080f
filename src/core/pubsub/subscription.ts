/**
 * A subscription to one channel on a connection of its own. After each loss it subscribes again, and
 * reports the loss and the return, because messages published in between are not delivered. ioredis'
 * own resubscribing is off: it reports neither success nor refusal.
 */
import type { Redis } from 'ioredis';
import { DevstateError } from '../model/errors.js';
import { closeConnection } from '../store/close-connection.js';
import type { Fleet } from '../store/fleet.js';
import { isTransient, toDevstateError } from '../store/redis-errors.js';
import { isDenied } from '../store/reply-errors.js';

export interface SubscriptionListener {
  onMessage(message: string): void;
  /** Called when messages stop arriving, and again for each failed attempt to subscribe again. */
  onLost(error: DevstateError): void;
  /** Called when the subscription works again. */
  onBack(): void;
}

export interface Subscription {
  /**
   * Resolves when every message published from then on will arrive. Rejects with DevstateError
   * CONNECTION: not connected, refused, or not answered within the request timeout.
   */
  readonly ready: Promise<void>;
  /** Why no messages arrive at present; undefined: they arrive. */
  readonly lost: DevstateError | undefined;
  /** Closes the connection. The listener is not called any more. */
  close(): void;
}

export interface OwnedSubscription extends Subscription {
  /** Closes the connection and reports that as a loss. */
  disconnect(): void;
}

/** Options for the connection of a subscription. */
export const MANUAL_RESUBSCRIBE = { autoResubscribe: false };

/**
 * Subscribes on this connection, which must have `MANUAL_RESUBSCRIBE`.
 * @param late true: messages may have been missed already, so `onBack` is called after the first SUBSCRIBE
 */
export function subscribeOn(
  fleet: Fleet,
  subscriber: Redis,
  channel: string,
  { onMessage, onLost, onBack }: SubscriptionListener,
  late = false,
): OwnedSubscription {
  /** Whether losses are reported: from the first SUBSCRIBE until `close`. */
  let reports = late;
  let lost = late ? new DevstateError('CONNECTION', 'connection lost') : undefined;

  const sendSubscribe = () => fleet.send(async () => void (await subscriber.subscribe(channel)));
  const lose = (error: DevstateError) => {
    const isRefused = lost !== undefined && !isTransient(lost);
    if (!reports || isRefused) return; // A refusal is not replaced by the loss of the connection after it.
    lost = error;
    onLost(error);
  };
  const subscribeAgain = async () => {
    try {
      await sendSubscribe();
      if (!reports || !lost) return;
      lost = undefined;
      onBack();
    } catch (error) {
      lose(toDevstateError(error));
      // The server hangs or refuses: tries again on a new connection.
      if (subscriber.status === 'ready') subscriber.disconnect(true);
    }
  };
  const disconnect = () => closeConnection(subscriber);

  subscriber.on('message', (_channel: string, message: string) => onMessage(message));
  subscriber.on('close', () => lose(new DevstateError('CONNECTION', 'connection lost')));
  subscriber.on('error', (error: unknown) => {
    if (isDenied(error)) lose(toDevstateError(error)); // Other errors are followed by `close`.
  });
  subscriber.on('ready', () => void (lost && subscribeAgain()));
  const ready = late
    ? subscriber.connect()
    : sendSubscribe().then(() => {
        reports = true;
      });
  ready.catch(() => {}); // The caller may await it later; until then Node must not see it as unhandled.
  return {
    ready,
    get lost() {
      return lost;
    },
    disconnect,
    close() {
      reports = false;
      disconnect();
    },
  };
}
