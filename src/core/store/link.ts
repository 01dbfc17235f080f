/**
 * What core/store/ needs of a connection beyond its client: when a request may be sent, the server's time, and notices
 * of each request, by which a silent server is detected. src/redis/ implements it.
 */
import type { Redis } from 'ioredis';
import type { DevstateError } from '../model/errors.js';
import type { Connection } from './connection.js';

/** The clock of a server, as far as its replies have told the time. */
export interface ServerClock {
  /**
   * Returns the server's time at a moment of `performance.now()`, epoch ms. It is never later than the true one, unless
   * the server's clock was set back since the newest reply. Undefined: no reply has told the time.
   */
  timeAt(moment: number): number | undefined;
  /**
   * Notes the server's time of a reply that was just received, epoch ms.
   * @param sentAt when its request was sent; of `performance.now()`. The server read its clock after that
   */
  renew(serverTime: number, sentAt: number): void;
}

/** A request that waits until it may be sent. */
export interface WaitingRequest {
  /** Called once, at once or later, when the request may be sent. */
  onOpen(clock: ServerClock): void;
  /** Called instead of `onOpen` if the connection was closed, or the server refuses the user. */
  onRefused(error: DevstateError): void;
}

export interface Link {
  readonly client: Connection;
  /** Why no request can be sent at present; undefined: requests can be sent, or no attempt has failed yet. */
  readonly problem: DevstateError | undefined;
  /**
   * Returns the clock of the server that holds a key, without a request. It tells no time before the server has answered,
   * and to a user who may neither send TIME nor run a script. Undefined: the server is not known.
   */
  clockOf(key: string): ServerClock | undefined;
  /**
   * Calls `request.onOpen` as soon as the server is connected and has answered; if it has already, at once.
   * @param key in a cluster, the key of the request. Not given: `onOpen` is called as soon as the cluster client is
   *   ready, before any node has answered
   * @returns a function that ends the waiting; must be called if the request gives up
   */
  whenOpen(key: string | undefined, request: WaitingRequest): () => void;
  /** Notes that a request was sent. While requests are unanswered, the servers are checked for silence. */
  onSent(): void;
  /**
   * Notes that a request was answered, or has failed.
   * @param isLost whether the connection was lost before the answer
   */
  onSettled(isLost: boolean): void;
  /**
   * Connects again to the address of a server that has replied READONLY: it has become a replica, and the address may
   * have a new master. In a cluster the slots are read again. No effect on a client of the caller.
   */
  reconnectAfterReadOnly(): void;
  /** Makes a client for a subscription, which ends with this link's client. It is not connected yet. */
  newSubscriber(like: Redis, options: SubscriberOptions): Redis;
}

export interface SubscriberOptions {
  /** The request timeout, ms. */
  timeoutMs: number;
  /** Returns the address for each attempt to reconnect. Undefined: the address stays as it is. */
  chooseAddress?: () => { host: string | undefined; port: number | undefined } | undefined;
}
