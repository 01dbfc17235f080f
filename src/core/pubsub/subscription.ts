/**
 * A subscription to one Redis channel, on a connection of its own. When the connection is lost, it subscribes again.
 * It reports the loss and the return, because messages published in between are not delivered. The option of ioredis
 * to subscribe again by itself is off, because ioredis would report neither success nor refusal.
 */
import type { Redis } from 'ioredis';
import { DevstateError } from '../model/errors.js';
import { closeConnection } from '../store/close-connection.js';
import type { Fleet } from '../store/fleet.js';
import { isTransient, toDevstateError } from '../store/redis-errors.js';
import { isDenied } from '../store/reply-errors.js';

export interface SubscriptionListener {
  onMessage(message: string): void;
  /**
   * Called when messages stop arriving, and again for each failed attempt to restore the subscription. After a refusal
   * that will not pass, such as a missing permission, it is not called again until `onResumed`.
   */
  onLost(error: DevstateError): void;
  /** Called when the subscription works again after a loss; messages published in between were missed. */
  onResumed(): void;
}

export interface Subscription {
  /**
   * Resolves when the server has accepted the subscription: messages published after that arrive. Rejects with
   * DevstateError CONNECTION if the server is not connected, refuses, or does not answer within the request timeout.
   */
  readonly ready: Promise<void>;
  /** Why no messages arrive at present; undefined: messages arrive. */
  readonly lost: DevstateError | undefined;
  /** Closes the connection of the subscription. After that the listener is not called. */
  close(): void;
}

export interface DisconnectableSubscription extends Subscription {
  /** Closes the connection of the subscription, and calls `onLost`. */
  disconnect(): void;
}

/** Options for the connection of a subscription: ioredis must not subscribe again by itself, `subscribeOn` does. */
export const MANUAL_RESUBSCRIBE = { autoResubscribe: false };

/**
 * Subscribes to the channel on a connection.
 * @param subscriber the connection; its options must include `MANUAL_RESUBSCRIBE`
 * @param late true: messages of the channel may have been missed before this call, so `onResumed` is called after the
 *   first SUBSCRIBE; false: `onResumed` is called only after a loss
 */
export function subscribeOn(
  fleet: Fleet,
  subscriber: Redis,
  channel: string,
  { onMessage, onLost, onResumed }: SubscriptionListener,
  late = false,
): DisconnectableSubscription {
  /**
   * True: losses are reported to the listener; from the first successful SUBSCRIBE (if `late`, at once) until
   * `close`. False: losses are not reported.
   */
  let reports = late;
  let lost = late ? new DevstateError('CONNECTION', 'connection lost') : undefined;

  const sendSubscribe = () => fleet.send(async () => void (await subscriber.subscribe(channel)));
  const lose = (error: DevstateError) => {
    const isRefused = lost !== undefined && !isTransient(lost);
    // A refusal is followed by the loss of the connection. That loss must not replace the refusal, which is its cause.
    if (!reports || isRefused) return;
    lost = error;
    onLost(error);
  };
  const subscribeAgain = async () => {
    try {
      await sendSubscribe();
      if (!reports || !lost) return;
      lost = undefined;
      onResumed();
    } catch (error) {
      lose(toDevstateError(error));
      // If the connection is still ready, the server hangs or refuses SUBSCRIBE. So a new connection is made, on
      // which SUBSCRIBE is sent again.
      if (subscriber.status === 'ready') subscriber.disconnect(true);
    }
  };
  const disconnect = () => closeConnection(subscriber);

  subscriber.on('message', (_channel: string, message: string) => onMessage(message));
  subscriber.on('close', () => lose(new DevstateError('CONNECTION', 'connection lost')));
  subscriber.on('error', (error: unknown) => {
    // ioredis closes the connection after any other error, and the listener of `close` reports the loss.
    if (isDenied(error)) lose(toDevstateError(error));
  });
  subscriber.on('ready', () => void (lost && subscribeAgain()));
  const ready = late
    ? subscriber.connect()
    : sendSubscribe().then(() => {
        reports = true;
      });
  ready.catch(() => {}); // Without a handler, a rejection before the caller awaits `ready` would end the process.
  return {
    ready,
    get lost() {
      return lost;
    },
    disconnect,
    close() {
      reports = false;
      subscriber.removeAllListeners('message'); // messages that have arrived may not have been read yet
      disconnect();
    },
  };
}
