/** The library's detector under the article's name: `new OfflineDetector(config).start()`. */
import { EventEmitter } from 'node:events';
import { Redis, type RedisOptions } from 'ioredis';
import { type DetectOptions, detect } from './detector.js';
import type { PresenceEvent } from './device.js';
import type { DevstateError } from './errors.js';
import { Fleet, type FleetOptions } from './fleet.js';

export interface OfflineDetectorOptions
  extends FleetOptions,
    Pick<DetectOptions, 'strategy' | 'interval' | 'honourHold' | 'auditRound'> {}

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

export class OfflineDetector extends EventEmitter<OfflineDetectorEvents> {
  readonly #fleet: Fleet;
  readonly #owned: Redis | undefined;
  readonly #options: OfflineDetectorOptions;
  readonly #end = new AbortController();
  #running: Promise<void> | undefined;

  /** @param connection a client of yours, or the options of one (`{ host, port }`) */
  constructor(connection: Redis | RedisOptions = {}, options: OfflineDetectorOptions = {}) {
    super();
    this.#owned = connection instanceof Redis ? undefined : new Redis(connection);
    this.#fleet = new Fleet(this.#owned ?? (connection as Redis), options);
    this.#options = options;
  }

  /** Resolves once it is at work. @throws DevstateError CONNECTION */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      let ready = false;
      this.#running ??= this.#run(() => {
        ready = true;
        resolve();
      }).catch((error: unknown) => {
        if (ready) this.emit('error', error);
        else reject(error);
      });
    });
  }

  /** Ends it; resolves once it has let go of Redis. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#running;
    this.#owned?.disconnect();
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
