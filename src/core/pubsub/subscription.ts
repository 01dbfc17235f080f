/**
 * A subscription to one Redis channel, on a connection of its own. When the connection is lost, it subscribes again.
 * It reports the loss and the return, because messages published in between are not delivered.
 */
import type { Redis } from 'ioredis';
import { DevstateError } from '../model/errors.js';
import { closeConnection } from '../store/close-connection.js';
import type { Fleet } from '../store/fleet.js';
import { connectionLost, timedOut } from '../store/network-errors.js';
import { isTransient, toDevstateError } from '../store/redis-errors.js';
import { isDenied, isOutOfMemory } from '../store/reply-errors.js';
import { requestWithTimeout } from '../store/retry.js';

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
   * Resolves when the server has accepted the subscription: messages published after that arrive. Resolves too if the
   * server refuses it for lack of memory, which may last: `lost` says so. Rejects with DevstateError CONNECTION if the
   * server is not connected, refuses for another reason, or does not answer within the request timeout, or if the
   * connection is closed before.
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

/** The time until SUBSCRIBE is sent again to a server that refused it for lack of memory, ms. */
const MEMORY_RETRY_MS = 1000;

/**
 * Subscribes to the channel on a connection.
 * @param subscriber a client that `Link.newSubscriber` made
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
   * Whether losses are reported to the listener: from the first successful SUBSCRIBE on, or from the beginning if
   * `late`; after `close` no more.
   */
  let isReporting = late;
  let lost = late ? connectionLost() : undefined;
  const first = firstSubscribe(fleet.requestTimeoutMs);
  let retry: NodeJS.Timeout | undefined;

  const lose = (error: DevstateError) => {
    first.onFailure(error);
    const isRefused = lost !== undefined && !isTransient(lost);
    // A refusal is followed by the loss of the connection. That loss must not replace the refusal, which is its cause.
    if (!isReporting || isRefused) return;
    lost = error;
    onLost(error);
  };
  const sendSubscribe = async () => {
    try {
      await requestWithTimeout(fleet.requestTimeoutMs, () => subscriber.subscribe(channel));
      if (first.onSuccess()) isReporting = true;
      if (!isReporting || !lost) return;
      lost = undefined;
      onResumed();
    } catch (error) {
      if (isOutOfMemory(error)) {
        if (first.onSuccess()) isReporting = true;
        lose(refusedForMemory(error));
        retry = setTimeout(sendSubscribe, MEMORY_RETRY_MS);
        return;
      }
      lose(toDevstateError(error));
      // If the connection is still ready, the server refuses SUBSCRIBE. So a new connection is made, on which SUBSCRIBE
      // is sent again.
      if (subscriber.status === 'ready') subscriber.disconnect(true);
    }
  };
  const disconnect = () => closeConnection(subscriber);

  subscriber.on('message', (_channel: string, message: string) => onMessage(message));
  subscriber.on('close', () => {
    clearTimeout(retry);
    lose(connectionLost());
  });
  subscriber.on('error', (error: unknown) => {
    // ioredis closes the connection after any other error, and the listener of `close` reports the loss.
    if (isDenied(error)) lose(toDevstateError(error));
    else first.onFailure(toDevstateError(error));
  });
  subscriber.on('end', first.onEnd);
  subscriber.on('ready', () => void sendSubscribe());
  subscriber.connect().catch(() => {}); // the event `error` says why it failed
  return {
    ready: first.done,
    get lost() {
      return lost;
    },
    disconnect,
    close() {
      isReporting = false;
      subscriber.removeAllListeners('message'); // messages that have arrived may not have been read yet
      disconnect();
    },
  };
}

/** Since Redis 8.6 a server at `maxmemory` refuses SUBSCRIBE, while it answers everything that reads. */
function refusedForMemory(cause: Error): DevstateError {
  return new DevstateError(
    'CONNECTION',
    'the server is out of memory and refuses to subscribe, going on without messages',
    { reason: 'OUT_OF_MEMORY', cause },
  );
}

/**
 * The outcome of the first SUBSCRIBE: `done` resolves with the first success. It rejects at once with a refusal, or when
 * the connection has ended for good; after the timeout with the first other failure.
 */
function firstSubscribe(timeoutMs: number) {
  let settle: { resolve(): void; reject(error: DevstateError): void };
  const done = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  done.catch(() => {}); // Without a handler, a rejection before the caller awaits it would end the process.
  let failure: DevstateError | undefined;
  let isOver = false;
  const end = () => {
    isOver = true;
    clearTimeout(timer);
  };
  const fail = (error: DevstateError) => {
    if (isOver) return;
    end();
    settle.reject(error);
  };
  const timer = setTimeout(() => fail(failure ?? timedOut()), timeoutMs);
  return {
    done,
    onFailure(error: DevstateError) {
      failure ??= error;
      if (!isTransient(error)) fail(error);
    },
    onEnd: () => fail(failure ?? connectionLost()),
    /** Returns whether this is the first success, in time. */
    onSuccess(): boolean {
      if (isOver) return false;
      end();
      settle.resolve();
      return true;
    },
  };
}
