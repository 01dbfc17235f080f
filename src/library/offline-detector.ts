/** The library's detector under the article's name: `new OfflineDetector(config).start()`. */
import { EventEmitter } from 'node:events';
import type { RedisOptions } from 'ioredis';
import type { Strategy } from '../core/detection/detect-options.js';
import { detect } from '../core/detection/detector.js';
import { type DevstateError, usageError } from '../core/model/errors.js';
import type { PresenceEvent } from '../core/model/presence-event.js';
import { closeConnection } from '../core/store/close-connection.js';
import type { Connection } from '../core/store/connection.js';
import { Fleet, type FleetOptions } from '../core/store/fleet.js';
import { isClient, ownClient } from './device-state-manager.js';

export interface OfflineDetectorOptions extends FleetOptions {
  /** How lapsed heartbeats are found; `deadline`. */
  strategy?: Strategy;
  /** The pause between two polls of the strategy `poll`, ms; 10,000. */
  interval?: number;
  /** False: devices are declared offline even during the hold that follows an outage. */
  honourHold?: boolean;
  /** The time that one round of the audit over the whole fleet takes, ms; 300,000. */
  auditRound?: number;
}

export interface OfflineDetectorEvents {
  /** A transition that this detector announced. */
  offline: [event: PresenceEvent];
  /** A device that another program keeps alive and nobody had announced. */
  online: [event: PresenceEvent];
  /** After an outage: no verdict until then, ms. */
  hold: [until: number];
  holdEnd: [];
  notice: [message: string];
  lost: [error: DevstateError];
  resumed: [];
  /** It has ended for this reason. Without a listener Node throws, as for any emitter. */
  error: [error: unknown];
}

/** What it has to take itself off the pulse, even if the server is gone. */
const GRACE_MS = 500;

export class OfflineDetector extends EventEmitter<OfflineDetectorEvents> {
  readonly #fleet: Fleet;
  readonly #owned: Connection | undefined;
  readonly #options: OfflineDetectorOptions;
  readonly #end = new AbortController();
  #started: Promise<void> | undefined;
  #running: Promise<void> | undefined;

  /** @param connection a client of yours, of a server or a cluster, or the options of one (`{ host, port }`) */
  constructor(connection: Connection | RedisOptions = {}, options: OfflineDetectorOptions = {}) {
    super();
    const client = isClient(connection) ? connection : ownClient(connection);
    this.#owned = client === connection ? undefined : client;
    this.#fleet = new Fleet(client, options);
    this.#options = options;
  }

  /** Resolves once it is at work; a second call is the first. @throws DevstateError CONNECTION */
  start(): Promise<void> {
    this.#started ??= new Promise((resolve, reject) => {
      let ready = false;
      const end = (error?: unknown) => {
        const stopped = this.#end.signal.aborted;
        if (this.#owned) closeConnection(this.#owned);
        if (!ready)
          reject(stopped ? usageError('the detector was stopped and cannot be started again') : error);
        else if (!stopped) this.emit('error', error);
      };
      this.#running = this.#run(() => {
        ready = true;
        resolve();
      }).then(() => end(), end);
    });
    return this.#started;
  }

  /** Ends it for good, within a second; resolves once it has let go of Redis. */
  async stop(): Promise<void> {
    this.#end.abort();
    const patience = setTimeout(() => this.#owned && closeConnection(this.#owned), GRACE_MS);
    await this.#running;
    clearTimeout(patience);
    if (this.#owned) closeConnection(this.#owned);
  }

  async #run(onReady: () => void): Promise<void> {
    const events = detect(this.#fleet, {
      ...this.#options,
      signal: this.#end.signal,
      onReady,
      onHold: (until) => this.emit('hold', until),
      onHoldEnd: () => this.emit('holdEnd'),
      onNotice: (message) => this.emit('notice', message),
      onLost: (error) => this.emit('lost', error),
      onResumed: () => this.emit('resumed'),
    });
    for await (const event of events) this.emit(event.status, event);
  }
}
