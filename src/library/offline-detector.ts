/** The detector of the library, as an event emitter. Usage: `new OfflineDetector(connection).start()`. */
import { EventEmitter } from 'node:events';
import { checkDurations, type DetectOptions } from '../core/detection/detect-options.js';
import { detect } from '../core/detection/detector.js';
import { type DevstateError, usageError } from '../core/model/errors.js';
import type { PresenceEvent } from '../core/model/presence-event.js';
import { closeConnection } from '../core/store/close-connection.js';
import { Fleet, type FleetOptions, requestTimeoutOf } from '../core/store/fleet.js';
import { callIsolated, isolateCallbacks } from './callbacks.js';
import { type ClientOptions, type RedisClient, supportedClient } from './caller-client.js';
import { type LibraryLink, libraryLink } from './own-client.js';

export interface OfflineDetectorOptions
  extends FleetOptions,
    Pick<DetectOptions, 'strategy' | 'interval' | 'honourHold' | 'auditRound'> {}

/** The events of an `OfflineDetector`, with the arguments of their listeners. */
export interface OfflineDetectorEvents {
  /** This detector announced that a device went offline. */
  offline: [event: PresenceEvent];
  /**
   * This detector announced that a device is online: another program sent the heartbeat, and devstate had not announced
   * the device online.
   */
  online: [event: PresenceEvent];
  /**
   * A hold began or became longer: devices whose heartbeats could not arrive are not announced offline yet. The hold of
   * the last of them ends at `until`, epoch ms.
   */
  hold: [until: number];
  /** The holds of all devices have ended. */
  holdEnd: [];
  /** A message for the operator, for instance that a strategy is not available or a record cannot be read. */
  notice: [message: string];
  /** The connection to Redis was lost. The detector goes on trying until the connection is back. */
  lost: [error: DevstateError];
  /** The connection to Redis, which was lost, is back. */
  resumed: [];
  /** The detector has ended because of this error. If the event has no listener, Node throws the error. */
  error: [error: unknown];
}

/**
 * How long `stop` waits for the detector to end before it closes the detector's own connection, ms. It must be more
 * than the 400 ms that the detector waits for its last step: after that step the detector removes itself from the key
 * `devices:pulse`, otherwise scripts would take its absence for an outage.
 */
const STOP_TIMEOUT_MS = 500;

/**
 * Finds devices whose heartbeat has expired, and announces them offline. Several detectors may run at the same
 * time, on any machines: each transition is announced once. An exception of a listener is thrown as an uncaught
 * exception; it does not end the detector.
 */
export class OfflineDetector extends EventEmitter<OfflineDetectorEvents> {
  readonly #fleet: Fleet;
  readonly #connection: LibraryLink;
  readonly #options: OfflineDetectorOptions;
  readonly #stopping = new AbortController();
  #started: Promise<void> | undefined;
  #running: Promise<void> | undefined;

  /**
   * @param given a client of ioredis 5, of one server or of a cluster; or ioredis options, such as
   *   `{ host, port }`, of a client to make
   * @throws DevstateError USAGE: an option is not valid; the client is not one of ioredis 5
   */
  constructor(given: RedisClient | ClientOptions = {}, options: OfflineDetectorOptions = {}) {
    super();
    const connection = supportedClient(given);
    checkDurations(options);
    this.#connection = libraryLink(connection, requestTimeoutOf(options));
    this.#fleet = new Fleet(this.#connection.link, options);
    this.#options = options;
  }

  /**
   * Starts the detector. A second call has no effect and returns the same promise.
   * @returns resolves when the detector works: from then on every expired heartbeat is found
   * @throws DevstateError USAGE: `stop` was called; the fleet is read-only; or it is in a cluster and has no
   *   partitions. CONNECTION: no server can be reached, or permission is denied. BAD_RECORD: a key holds
   *   something that devstate does not store. CONFLICT: the number of partitions was changed
   */
  start(): Promise<void> {
    this.#started ??= new Promise((resolve, reject) => {
      let isReady = false;
      const end = (error?: unknown) => {
        const isStopped = this.#stopping.signal.aborted;
        this.#closeOwnClient();
        if (!isReady)
          reject(isStopped ? usageError('the detector was stopped and cannot be started again') : error);
        else if (!isStopped) callIsolated(() => this.emit('error', error));
      };
      this.#running = this.#run(() => {
        isReady = true;
        resolve();
      }).then(() => end(), end);
    });
    return this.#started;
  }

  /**
   * Stops the detector, within a second, and closes its connection, unless that is a client which the caller passed.
   * A stopped detector cannot be started again.
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const timer = setTimeout(() => this.#closeOwnClient(), STOP_TIMEOUT_MS);
    await this.#running;
    clearTimeout(timer);
    this.#closeOwnClient();
  }

  #closeOwnClient(): void {
    const { link, isOwn } = this.#connection;
    if (isOwn) closeConnection(link.client);
  }

  async #run(onReady: () => void): Promise<void> {
    const callbacks: DetectOptions = {
      onHold: (until) => this.emit('hold', until),
      onHoldEnd: () => this.emit('holdEnd'),
      onNotice: (message) => this.emit('notice', message),
      onLost: (error) => this.emit('lost', error),
      onResumed: () => this.emit('resumed'),
    };
    const events = detect(this.#fleet, {
      ...this.#options,
      ...isolateCallbacks(callbacks),
      signal: this.#stopping.signal,
      onReady,
    });
    for await (const event of events) callIsolated(() => this.emit(event.status, event));
  }
}
