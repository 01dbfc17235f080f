/**
 * Makes the clients of subscriptions. A subscriber may receive nothing for a long time, so it sends PING to notice that
 * its server has fallen silent; else it would miss messages without knowing. Subscribers end with the client that they
 * were made from.
 */
import type { Redis } from 'ioredis';
import { closeConnection } from '../core/store/close-connection.js';
import type { Connection } from '../core/store/connection.js';
import type { SubscriberOptions } from '../core/store/link.js';
import { nameConnection } from './name-connection.js';
import { clientPolicy, reconnectDelayMs } from './policy.js';
import { ServerConnector } from './server-connector.js';
import { SilenceWatch, tickMs } from './silence-watch.js';
import { resetConnection } from './sockets.js';

/** The least time between two PINGs, as a part of T. */
const PROBE_PAUSE_SHARE = 1 / 2;

export class Subscribers {
  readonly #open = new Set<Redis>();
  readonly #name: string | undefined;

  /**
   * @param owner the client with which the subscribers end
   * @param name the name of their connections; undefined: the name of the client whose options they get
   */
  constructor(owner: Connection, name?: string) {
    this.#name = name;
    owner.on('end', () => {
      for (const subscriber of this.#open) closeConnection(subscriber);
    });
  }

  /** Makes the connections of all subscribers again: their server has become a replica, which sends no expired events. */
  reconnect(): void {
    for (const subscriber of this.#open) if (subscriber.status === 'ready') resetConnection(subscriber);
  }

  /** Makes a client with the options of `like`. It is not connected yet, and reconnects until it is closed. */
  make(like: Redis, { timeoutMs, chooseAddress }: SubscriberOptions): Redis {
    /** The attempts to connect since a probe was answered. */
    let attempts = 0;
    const { Connector, sentinels } = like.options;
    const subscriber = like.duplicate({
      ...clientPolicy(timeoutMs),
      ...(!(Connector || sentinels) && { Connector: ServerConnector }),
      retryStrategy() {
        attempts = watch.isAnswered ? 1 : attempts + 1;
        // ioredis reads host and port at each attempt to connect.
        Object.assign(subscriber.options, chooseAddress?.());
        return reconnectDelayMs(attempts, timeoutMs);
      },
    });
    const name = this.#name ?? like.options.connectionName;
    const watch = new SilenceWatch(subscriber, timeoutMs, () => subscriber.ping());
    subscriber.on('ready', () => {
      watch.restart();
      nameConnection(subscriber, name);
    });
    const timer = setInterval(() => watch.tick(timeoutMs * PROBE_PAUSE_SHARE), tickMs(timeoutMs)).unref();
    this.#open.add(subscriber);
    subscriber.on('end', () => {
      clearInterval(timer);
      this.#open.delete(subscriber);
    });
    return subscriber;
  }
}
