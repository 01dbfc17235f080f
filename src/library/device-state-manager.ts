/**
 * The library, under the article's names: `DeviceStateManager` does what its Node class
 * does, atomically, over the same keys. Documents in results are plain JavaScript values;
 * beside them `…Json` holds the exact text, where numbers keep all their digits.
 */

import { Redis, type RedisOptions } from 'ioredis';
import { sendValidItems, unwrapOne } from '../core/async/item-results.js';
import { TickBatcher } from '../core/async/tick-batcher.js';
import type { DeviceRecord } from '../core/model/device.js';
import { documentText } from '../core/model/document-limits.js';
import { DevstateError, usageError } from '../core/model/errors.js';
import type { Heartbeat, HeartbeatResult } from '../core/model/heartbeat.js';
import { DEFAULT_TTL_MS } from '../core/model/heartbeat.js';
import { validId } from '../core/model/identifiers.js';
import { isJsonObject, type JsonObject, parseJsonObject, toJson } from '../core/model/json.js';
import { toPlainObject } from '../core/model/plain-json.js';
import type { PresenceEvent } from '../core/model/presence-event.js';
import { parseStored } from '../core/model/stored-document.js';
import { disconnect } from '../core/presence/disconnect.js';
import { type FeedOptions, presenceFeed } from '../core/presence/feed.js';
import { heartbeats, heartbeatsIn } from '../core/presence/heartbeats.js';
import { listDevices, onlineDevices } from '../core/query/list.js';
import { readDevice } from '../core/query/read-devices.js';
import { type Registrant, type Registration, registerAll } from '../core/registry/register.js';
import { unregister } from '../core/registry/unregister.js';
import { delta } from '../core/shadow/delta.js';
import { type DesiredOptions, setDesired } from '../core/shadow/desired.js';
import { closeConnection } from '../core/store/close-connection.js';
import type { Connection } from '../core/store/connection.js';
import { Fleet, type FleetOptions } from '../core/store/fleet.js';
import type { Partition } from '../core/store/partition.js';

/** A JSON object as a plain JavaScript value. */
export type Document = Record<string, unknown>;

export interface DeviceRegistration {
  deviceId: string;
  deviceType: string;
  /** Replaces what is there; not given: what is there stays. */
  metadata?: object;
  /** How long the device's heartbeats hold, ms; not given: what is there stays. */
  ttl?: number;
}

export interface DeviceHeartbeat {
  deviceId: string;
  reportedState?: object;
  /** `reportedState` is merged into the report (RFC 7396) instead of replacing it. */
  merge?: boolean;
  /** How long this beat holds, ms. */
  ttl?: number;
  /** Registers an unknown device as of this type on the fly. */
  registerAs?: string;
}

export interface DeviceState extends DeviceRecord {
  reportedState: Document;
  desiredState: Document;
  metadata: Document;
}

export interface ManagerOptions extends FleetOptions {
  /** How long a heartbeat holds for devices without a TTL of their own, seconds; 60. */
  heartbeatTimeout?: number;
}

export class DeviceStateManager {
  /** Seconds, as in the article. */
  heartbeatTimeout: number;
  readonly #fleet: Fleet;
  /** Of each partition its own: one that hangs keeps none of the others waiting. */
  readonly #batchers = new WeakMap<Partition, TickBatcher<Heartbeat, HeartbeatResult>>();
  readonly #closing = new AbortController();

  /** @param connection a client of yours, of a server or a cluster, or the options of one (`{ host, port }`) */
  constructor(connection: Connection | RedisOptions = {}, options: ManagerOptions = {}) {
    this.#fleet = new Fleet(isClient(connection) ? connection : ownClient(connection), options);
    this.heartbeatTimeout = options.heartbeatTimeout ?? DEFAULT_TTL_MS / 1000;
  }

  /**
   * Registers a device. One that is there gets the type, and what is given of metadata and
   * TTL (ms); nothing of it is wiped. @throws DevstateError USAGE, CONFLICT
   */
  async registerDevice(
    deviceId: string,
    deviceType: string,
    metadata?: object,
    { onlyIfNew = false, ttl }: { ttl?: number; onlyIfNew?: boolean } = {},
  ): Promise<Registration> {
    const device = { deviceId, deviceType, ...(metadata && { metadata }), ...(ttl !== undefined && { ttl }) };
    return unwrapOne(await registerAll(this.#fleet, [registrantOf(device)], onlyIfNew));
  }

  /** Registers many devices in few round trips, in order; each succeeds or fails alone. */
  async registerDevices(
    devices: readonly DeviceRegistration[],
    { onlyIfNew = false }: { onlyIfNew?: boolean } = {},
  ): Promise<(Registration | DevstateError)[]> {
    return sendValidItems(devices, registrantOf, (list) => registerAll(this.#fleet, list, onlyIfNew));
  }

  /**
   * The device is alive; `reportedState` replaces its report, or with `merge` is merged
   * into it (RFC 7396). `ttl` in ms, for this beat. Calls made in the same tick share a
   * round trip, as far as their devices share a partition. @throws DevstateError NOT_FOUND
   */
  async deviceHeartbeat(
    deviceId: string,
    reportedState: object | null = null,
    options: Omit<DeviceHeartbeat, 'deviceId' | 'reportedState'> = {},
  ): Promise<HeartbeatResult> {
    const beat = beatOf({ deviceId, ...(reportedState && { reportedState }), ...options });
    return this.#batcherOf(await this.#fleet.partitionFor(validId(deviceId))).add(beat);
  }

  /** Heartbeats of many devices in few round trips, in order; each succeeds or fails alone. */
  async deviceHeartbeats(beats: readonly DeviceHeartbeat[]): Promise<(HeartbeatResult | DevstateError)[]> {
    return sendValidItems(beats, beatOf, (list) => heartbeats(this.#fleet, list, this.#defaultTtl));
  }

  /** The whole state; null: not registered. Never writes. @throws DevstateError BAD_RECORD */
  async getDeviceState(deviceId: string): Promise<DeviceState | null> {
    try {
      const record = await readDevice(this.#fleet, deviceId);
      return {
        ...record,
        reportedState: toPlainObject(parseStored(deviceId, 'the report', record.reportedJson)),
        desiredState: toPlainObject(parseStored(deviceId, 'the desired state', record.desiredJson)),
        metadata: toPlainObject(parseStored(deviceId, 'the metadata', record.metadataJson)),
      };
    } catch (error) {
      if (error instanceof DevstateError && error.code === 'NOT_FOUND') return null;
      throw error;
    }
  }

  /** Merges into desired (RFC 7396: null removes) and tells the device. @throws NOT_FOUND, CONFLICT */
  async setDesiredState(
    deviceId: string,
    patch: object,
    options: DesiredOptions = {},
  ): Promise<{
    deviceId: string;
    desiredState: Document;
    desiredJson: string;
    version: number;
    changed: boolean;
  }> {
    const { desired, version, changed } = await setDesired(this.#fleet, deviceId, document(patch), options);
    return { deviceId, desiredState: toPlainObject(desired), desiredJson: toJson(desired), version, changed };
  }

  /** Desired against reported; `patch` would bring reported to desired. @throws NOT_FOUND */
  async getStateDelta(
    deviceId: string,
  ): Promise<{ deviceId: string; inSync: boolean; delta: Document; patch: Document }> {
    const found = await delta(this.#fleet, deviceId);
    return {
      deviceId,
      inSync: found.inSync,
      delta: toPlainObject(found.delta),
      patch: toPlainObject(found.patch),
    };
  }

  /** The device said goodbye: offline at once. Gives whether it was online. @throws NOT_FOUND */
  disconnectDevice(deviceId: string): Promise<boolean> {
    return disconnect(this.#fleet, deviceId);
  }

  /** Removes a device and all that is kept of it. @throws NOT_FOUND */
  unregisterDevice(deviceId: string): Promise<void> {
    return unregister(this.#fleet, deviceId);
  }

  /** Ids of the devices that are online now. The answer grows with the fleet. */
  getOnlineDevices(): Promise<string[]> {
    return ids(onlineDevices(this.#fleet));
  }

  /** Ids of the registered devices that are not. */
  getOfflineDevices(): Promise<string[]> {
    return ids(listDevices(this.#fleet, { status: 'offline' }));
  }

  /** Presence events as they happen, each once and in order, across lost connections. */
  presence(options: FeedOptions = {}): AsyncGenerator<PresenceEvent> {
    const signals = [this.#closing.signal, ...(options.signal ? [options.signal] : [])];
    return presenceFeed(this.#fleet, { ...options, signal: AbortSignal.any(signals) });
  }

  /**
   * Calls back for every presence event from now on. Returns what ends it. An error that
   * ends the feed goes to `onError`; without one it is thrown, as in any event handler.
   */
  subscribeToPresence(
    callback: (event: PresenceEvent) => void,
    onError: (error: unknown) => void = rethrow,
  ): () => void {
    const stop = new AbortController();
    const run = async () => {
      for await (const event of this.presence({ signal: stop.signal })) callback(event);
    };
    run().catch(onError);
    return () => stop.abort();
  }

  /** Ends what is subscribed, and closes the connection. */
  async close(): Promise<void> {
    this.#closing.abort();
    closeConnection(this.#fleet.cluster ?? this.#fleet.redis);
  }

  #batcherOf(partition: Partition): TickBatcher<Heartbeat, HeartbeatResult> {
    const known = this.#batchers.get(partition);
    if (known) return known;
    const batcher = new TickBatcher<Heartbeat, HeartbeatResult>((beats) =>
      heartbeatsIn(partition, beats, this.#defaultTtl),
    );
    this.#batchers.set(partition, batcher);
    return batcher;
  }

  get #defaultTtl(): number {
    return this.heartbeatTimeout * 1000;
  }
}

/** By what it does, not by its class: the caller's ioredis may be another copy than ours. */
export function isClient(connection: Connection | RedisOptions): connection is Connection {
  return 'duplicate' in connection && typeof connection.duplicate === 'function';
}

/** A loss is told by the command that it fails; without a listener ioredis prints it. */
export function ownClient(options: RedisOptions): Redis {
  return new Redis(options).on('error', () => {});
}

/** A caller's value as a document's text. @throws DevstateError USAGE: it is none, or over the limits */
function textOf(value: object): string {
  if (!isJsonObject(value)) throw usageError(NO_DOCUMENT);
  let text: string;
  try {
    text = documentText(value);
  } catch (error) {
    if (error instanceof DevstateError) throw error;
    throw usageError(`a document must be JSON: ${(error as Error).message}`);
  }
  if (!text.startsWith('{')) throw usageError(NO_DOCUMENT); // what it says of itself (`toJSON`) is something else
  return text;
}

const NO_DOCUMENT = 'a document must be a JSON object';

/** The same, as it is merged. @throws DevstateError USAGE */
function document(value: object): JsonObject {
  return parseJsonObject(textOf(value));
}

/** @throws DevstateError USAGE */
function beatOf({ deviceId, reportedState, merge, ttl, registerAs }: DeviceHeartbeat): Heartbeat {
  return {
    id: deviceId,
    ...(reportedState &&
      (merge ? { patch: document(reportedState) } : { reportedJson: textOf(reportedState) })),
    ...(ttl !== undefined && { ttl }),
    ...(registerAs !== undefined && { registerAs }),
  };
}

/** @throws DevstateError USAGE */
function registrantOf({ deviceId, deviceType, metadata, ttl }: DeviceRegistration): Registrant {
  return {
    id: deviceId,
    type: deviceType,
    ...(metadata && { metadataJson: textOf(metadata) }),
    ...(ttl !== undefined && { ttl }),
  };
}

async function ids(devices: AsyncIterable<DeviceRecord>): Promise<string[]> {
  const found: string[] = [];
  for await (const { deviceId } of devices) found.push(deviceId);
  return found;
}

function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
