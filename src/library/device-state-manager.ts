/**
 * The main class of the library. It has all methods of the Node class in nawazdhandala's article "How to Implement
 * Device State Management with Redis", works on the keys of that class, and has further methods.
 */

import { linkAbort } from '../core/async/abort.js';
import { unwrapOne } from '../core/async/item-results.js';
import { sendValidItems } from '../core/async/send-batches.js';
import type { DeviceRecord } from '../core/model/device.js';
import { DevstateError } from '../core/model/errors.js';
import { DEFAULT_TTL_MS, type HeartbeatResult } from '../core/model/heartbeat.js';
import { MAX_DURATION_MS, validNumber } from '../core/model/numeric-options.js';
import type { PresenceEvent } from '../core/model/presence-event.js';
import { disconnect } from '../core/presence/disconnect.js';
import { type FeedOptions, presenceFeed } from '../core/presence/feed.js';
import { heartbeats } from '../core/presence/heartbeats.js';
import { listDevices, onlineDevices } from '../core/query/list.js';
import { readDevice } from '../core/query/read-devices.js';
import { registerAll } from '../core/registry/register.js';
import type { Registration } from '../core/registry/registration.js';
import { unregister } from '../core/registry/unregister.js';
import { delta } from '../core/shadow/delta.js';
import { type DesiredOptions, setDesired } from '../core/shadow/desired.js';
import { closeConnection } from '../core/store/close-connection.js';
import { Fleet, type FleetOptions, requestTimeoutOf } from '../core/store/fleet.js';
import { callIsolated, isolateCallbacks, throwUncaught } from './callbacks.js';
import { type ClientOptions, type RedisClient, supportedClient } from './caller-client.js';
import { type DeviceHeartbeat, type DeviceRegistration, toHeartbeat, toRegistrant } from './device-input.js';
import {
  type DesiredStateResult,
  type DeviceState,
  type StateDelta,
  toDesiredStateResult,
  toDeviceState,
  toStateDelta,
} from './device-results.js';
import { toDocument } from './documents.js';
import { HeartbeatBatches } from './heartbeat-batches.js';
import { type LibraryLink, libraryLink } from './own-client.js';

export interface ManagerOptions extends FleetOptions {
  /**
   * The heartbeat TTL of devices without a TTL of their own, in SECONDS as in the article's class, while
   * `requestTimeout` and `ttl` are in ms; from 0.001 to ten years, default 60.
   */
  heartbeatTimeout?: number;
}

/**
 * Manages the devices of one fleet.
 *
 * Every failure is a `DevstateError` with a `code`. Every method can fail with CONNECTION (no
 * connection, no answer within `requestTimeout`, permission denied), with USAGE (an argument is invalid, a
 * write to a read-only fleet, a cluster without partitions; nothing was sent), and with BAD_RECORD (a key holds
 * something that devstate does not store); the methods list their other codes. A write that failed with
 * CONNECTION may have been applied if the error has `outcome: 'unknown'`; without an outcome, or with any other code,
 * it was not applied, except that a heartbeat with `registerAs` may have registered the device.
 */
export class DeviceStateManager {
  #heartbeatTimeout: number;
  readonly #connection: LibraryLink;
  readonly #fleet: Fleet;
  readonly #batches: HeartbeatBatches;
  readonly #closing = new AbortController();

  /**
   * @param given a client of ioredis 5, of one server or of a cluster; or ioredis options, such as
   *   `{ host, port }`, of a client to make
   * @throws DevstateError USAGE: an option is not valid; the client is not one of ioredis 5
   */
  constructor(given: RedisClient | ClientOptions = {}, options: ManagerOptions = {}) {
    const connection = supportedClient(given);
    const { heartbeatTimeout = DEFAULT_TTL_MS / 1000 } = options;
    this.#heartbeatTimeout = validHeartbeatTimeout(heartbeatTimeout);
    this.#connection = libraryLink(connection, requestTimeoutOf(options));
    this.#fleet = new Fleet(this.#connection.link, options);
    this.#batches = new HeartbeatBatches(this.#fleet, () => this.#defaultTtlMs);
  }

  /** The heartbeat TTL of devices without a TTL of their own, seconds; may be set at any time, for later heartbeats. */
  get heartbeatTimeout(): number {
    return this.#heartbeatTimeout;
  }

  /** @throws DevstateError USAGE: it is not a number from 0.001 to ten years */
  set heartbeatTimeout(seconds: number) {
    this.#heartbeatTimeout = validHeartbeatTimeout(seconds);
  }

  /**
   * Registers a device. If the device is registered already, its type changes to `deviceType`, and its metadata and
   * TTL change if they are given; everything else stays.
   * @param metadata a JSON object that replaces the metadata
   * @param options ttl: the device's own heartbeat TTL, ms; onlyIfNew: true: the call fails if the device is
   *   registered already; false (default): the device is updated
   * @throws DevstateError CONFLICT: registered already and `onlyIfNew`, or other clients kept changing the device;
   *   CONNECTION: with the outcome `unknown` if it may have been registered; USAGE, BAD_RECORD
   */
  async registerDevice(
    deviceId: string,
    deviceType: string,
    metadata?: object,
    { onlyIfNew = false, ttl }: { ttl?: number; onlyIfNew?: boolean } = {},
  ): Promise<Registration> {
    const device = {
      deviceId,
      deviceType,
      ...(metadata !== undefined && { metadata }),
      ...(ttl !== undefined && { ttl }),
    };
    return unwrapOne(await registerAll(this.#fleet, [toRegistrant(device)], onlyIfNew));
  }

  /**
   * Registers many devices in few round trips, each as `registerDevice` does.
   * @returns the result or the error of each device, in the order of the devices
   * @throws DevstateError CONNECTION: no device was answered; with the outcome `unknown` if any may have been
   *   registered. If some were answered, the others have the error as their result. USAGE: the fleet is read-only
   */
  async registerDevices(
    devices: readonly DeviceRegistration[],
    { onlyIfNew = false }: { onlyIfNew?: boolean } = {},
  ): Promise<(Registration | DevstateError)[]> {
    return sendValidItems(devices, toRegistrant, (list) => registerAll(this.#fleet, list, onlyIfNew));
  }

  /**
   * Records a heartbeat: the device is online until the TTL has passed. Calls in the same tick of the event loop share
   * a round trip, if their devices are in the same partition. If the connection is lost, a heartbeat without a report
   * is sent again, and the result then cannot say whether the device was offline (`wasOffline` is null).
   * @param reportedState a JSON object that replaces the reported state; null: the reported state is unchanged
   * @throws DevstateError NOT_FOUND: the device is not registered, and `registerAs` is not given; CONFLICT: with
   *   `merge`, other clients kept changing the reported state; CONNECTION: with the outcome `unknown` if a report may
   *   have been recorded; USAGE, BAD_RECORD
   */
  async deviceHeartbeat(
    deviceId: string,
    reportedState: object | null = null,
    options: Omit<DeviceHeartbeat, 'deviceId' | 'reportedState'> = {},
  ): Promise<HeartbeatResult> {
    const beat = toHeartbeat({ deviceId, ...(reportedState !== null && { reportedState }), ...options });
    return this.#batches.send(beat);
  }

  /**
   * Records many heartbeats in few round trips, each as `deviceHeartbeat` does. Heartbeats of the same device are
   * applied in order.
   * @returns the result or the error of each heartbeat, in the order of the heartbeats
   * @throws DevstateError CONNECTION: no heartbeat was answered; with the outcome `unknown` if any may have been
   *   recorded. If some were answered, the others have the error as their result
   */
  async deviceHeartbeats(beats: readonly DeviceHeartbeat[]): Promise<(HeartbeatResult | DevstateError)[]> {
    return sendValidItems(beats, toHeartbeat, (list) => heartbeats(this.#fleet, list, this.#defaultTtlMs));
  }

  /**
   * Reads the whole state of a device.
   * @returns null: the device is not registered
   * @throws DevstateError BAD_RECORD, USAGE, CONNECTION
   */
  async getDeviceState(deviceId: string): Promise<DeviceState | null> {
    try {
      return toDeviceState(await readDevice(this.#fleet, deviceId));
    } catch (error) {
      if (error instanceof DevstateError && error.code === 'NOT_FOUND') return null;
      throw error;
    }
  }

  /**
   * Merges a JSON merge patch (RFC 7396, https://www.rfc-editor.org/rfc/rfc7396: null removes a key) into the
   * desired state, and publishes the change on the device's channel.
   * @throws DevstateError NOT_FOUND; CONFLICT: the version of the desired state is not `ifVersion`, or other clients
   *   kept changing the desired state; CONNECTION: with the outcome `unknown` if it may have been changed; USAGE,
   *   BAD_RECORD
   */
  async setDesiredState(
    deviceId: string,
    patch: object,
    options: DesiredOptions = {},
  ): Promise<DesiredStateResult> {
    return toDesiredStateResult(await setDesired(this.#fleet, deviceId, toDocument(patch), options));
  }

  /**
   * Compares the desired state of a device with its reported state. Keys that only the reported state has do not
   * count as a difference.
   * @throws DevstateError NOT_FOUND, BAD_RECORD, USAGE, CONNECTION
   */
  async getStateDelta(deviceId: string): Promise<StateDelta> {
    return toStateDelta(deviceId, await delta(this.#fleet, deviceId));
  }

  /**
   * Takes a device offline now, before its heartbeat TTL has passed.
   * @returns whether the device was online
   * @throws DevstateError NOT_FOUND; CONNECTION: with the outcome `unknown` if it may have been taken offline;
   *   BAD_RECORD, USAGE
   */
  disconnectDevice(deviceId: string): Promise<boolean> {
    return disconnect(this.#fleet, deviceId);
  }

  /**
   * Removes a device with its state and its history.
   * @throws DevstateError NOT_FOUND; CONFLICT: other clients kept changing its type; CONNECTION: with the outcome
   *   `unknown` if it may have been removed; BAD_RECORD, USAGE
   */
  unregisterDevice(deviceId: string): Promise<void> {
    return unregister(this.#fleet, deviceId);
  }

  /** Returns the ids of all devices that are online now. @throws DevstateError CONNECTION, USAGE, BAD_RECORD */
  getOnlineDevices(): Promise<string[]> {
    return collectIds(onlineDevices(this.#fleet, { withType: false }));
  }

  /**
   * Returns the ids of all registered devices that are offline now.
   * @throws DevstateError CONNECTION, USAGE, BAD_RECORD
   */
  getOfflineDevices(): Promise<string[]> {
    return collectIds(listDevices(this.#fleet, { status: 'offline', withType: false }));
  }

  /**
   * Returns presence events as they happen, each once and in order, also across lost connections, until the
   * signal aborts, the loop over the events ends, or the manager is closed.
   * @throws DevstateError USAGE: `since` is not an event id of this fleet, or not a time; CONNECTION: no log can be
   *   read at the start, or permission is denied; BAD_RECORD: a key does not hold what devstate stores; CONFLICT: the
   *   number of partitions was changed
   */
  async *presence(options: FeedOptions = {}): AsyncGenerator<PresenceEvent> {
    const end = linkAbort(this.#closing.signal, options.signal);
    try {
      yield* presenceFeed(this.#fleet, { ...isolateCallbacks(options), signal: end.signal });
    } finally {
      end.unlink();
    }
  }

  /**
   * Calls `callback` for each presence event from now on. An exception of `callback` is thrown as an uncaught
   * exception, as that of an event listener is; it does not end the subscription.
   * @param onError called with the error that ended the subscription, which is an error that `presence` throws. Not
   *   given: the error is thrown as an uncaught exception.
   * @returns a function that ends the subscription
   */
  subscribeToPresence(
    callback: (event: PresenceEvent) => void,
    onError: (error: unknown) => void = throwUncaught,
  ): () => void {
    const stop = new AbortController();
    const run = async () => {
      for await (const event of this.presence({ signal: stop.signal })) callIsolated(() => callback(event));
    };
    run().catch((error: unknown) => callIsolated(() => onError(error)));
    return () => stop.abort();
  }

  /**
   * Ends all subscriptions, and closes the connection if this object made it: calls that are not answered yet then fail
   * with CONNECTION. A client that the caller passed is left open, and calls on it continue.
   */
  async close(): Promise<void> {
    this.#closing.abort();
    const { link, isOwn } = this.#connection;
    if (isOwn) closeConnection(link.client);
  }

  get #defaultTtlMs(): number {
    return this.heartbeatTimeout * 1000;
  }
}

function validHeartbeatTimeout(seconds: number): number {
  return validNumber('heartbeatTimeout', seconds, 0.001, MAX_DURATION_MS / 1000);
}

async function collectIds(devices: AsyncIterable<DeviceRecord>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { deviceId } of devices) ids.push(deviceId);
  return ids;
}
