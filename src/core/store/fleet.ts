/**
 * A fleet: all devices of one namespace, over one connection. Its devices are in partitions: one, unless
 * `devstate init --partitions` declared more. Functions that read keys or run scripts take a `Partition`, functions for
 * devices of any partition take a `Fleet`.
 */
import type { Dialect } from '../model/device.js';
import { DevstateError } from '../model/errors.js';
import { Keyspace, type SharedKeys } from '../model/keyspace.js';
import { validNamespace } from '../model/namespace.js';
import { DEFAULT_REQUEST_TIMEOUT_MS, MAX_TIMER_MS, validNumber } from '../model/numeric-options.js';
import { deviceRoleSettings } from './device-role-settings.js';
import { FleetSettingsReader, type SettingsSource } from './fleet-settings.js';
import type { Link } from './link.js';
import { Partition } from './partition.js';
import { partitionNumber } from './partition-number.js';
import { Requests } from './requests.js';
import type { DeclaredSettings, FleetSettings } from './settings.js';
import { assertNotReadOnly, assertWritable } from './write-permission.js';

export interface FleetOptions {
  /** The namespace of the fleet: `acme` puts `acme:` before the name of every key and channel; default: nothing. */
  namespace?: string;
  /**
   * The dialect that device records are written in. If the fleet declares a dialect or has records, it must be theirs;
   * a new fleet gets it. Not given: the fleet's own dialect, `node` for a new fleet.
   */
  dialect?: Dialect;
  /** True: every write is refused with USAGE before it is sent to Redis. False (default): writes are allowed. */
  readOnly?: boolean;
  /**
   * The time limit of each request and each compare-and-set, ms, from 1 to 2,147,483,647; default 5000. A request
   * without a usable reply in this time fails with CONNECTION, with the outcome `unknown` if it is a write that may
   * have been done. A compare-and-set that other clients defeat for this time fails with CONFLICT.
   */
  requestTimeout?: number;
  /**
   * `device`: the Redis user is a device with a login of its own, which may use nothing but the device's keys (the ACL
   * line of `devstate acl device`). `heartbeat` and `disconnect` are then sent without scripts, the settings of the
   * fleet are taken from `partitions`, `dialect` and `historyCap` instead of being read, and every other write is
   * refused with USAGE before it is sent. Not given: the user may run scripts.
   */
  role?: 'device';
  /** With the role `device`: the number of partitions that the fleet declares, at most 1024; default 1. */
  partitions?: number;
  /** With the role `device`: how many reports the history of a device keeps; 0: no history; default 100. */
  historyCap?: number;
}

/** Returns the request timeout of a fleet, ms. @throws DevstateError USAGE: it is less than 1 or too long for a timer */
export function requestTimeoutOf({
  requestTimeout = DEFAULT_REQUEST_TIMEOUT_MS,
}: Pick<FleetOptions, 'requestTimeout'>): number {
  return validNumber('requestTimeout', requestTimeout, 1, MAX_TIMER_MS);
}

export class Fleet extends Requests {
  readonly options: FleetOptions;
  readonly #keys: Keyspace;
  readonly #clock: (() => number) | undefined;
  readonly #settings: SettingsSource;
  #partitions: readonly Partition[] = [];

  /**
   * @param clock only in tests: returns the time, epoch ms, that scripts use instead of the time of the Redis server
   * @throws DevstateError USAGE: the namespace is not valid; the request timeout is out of its limits; `partitions`
   *   or `historyCap` is not valid, or given without the role `device`
   */
  constructor(link: Link, options: FleetOptions = {}, clock?: () => number) {
    super(link, requestTimeoutOf(options));
    if (options.namespace) validNamespace(options.namespace);
    this.options = options;
    this.#keys = new Keyspace(options.namespace);
    this.#clock = clock;
    this.#settings =
      deviceRoleSettings(options) ?? new FleetSettingsReader(this, options.namespace, options.dialect);
  }

  /** The names that exist once in a fleet, not once in each partition: the key of the settings, and the channels. */
  get keys(): SharedKeys {
    return this.#keys;
  }

  /**
   * Returns all partitions of the fleet, in the order of their numbers.
   * @throws DevstateError CONNECTION, BAD_RECORD; USAGE: the fleet is on a cluster and not partitioned
   */
  async partitions(): Promise<readonly Partition[]> {
    const { partitions } = await this.#settings.declared();
    this.assertPartitionedOnCluster(partitions);
    if (this.#partitions.length !== partitions) this.#partitions = this.layOutPartitions(partitions);
    return this.#partitions;
  }

  /** Returns the partitions that the fleet would have if `count` partitions were declared. Sends nothing to Redis. */
  layOutPartitions(count: number): readonly Partition[] {
    return Array.from(
      { length: count },
      (_, number) =>
        new Partition(this.link, {
          namespace: this.options.namespace,
          number,
          count,
          readOnly: this.options.readOnly,
          role: this.options.role,
          requestTimeoutMs: this.requestTimeoutMs,
          settings: () => this.settings(),
          declared: () => this.declared(),
          clock: this.#clock,
        }),
    );
  }

  /** Returns the partition that holds a device's keys. @throws DevstateError CONNECTION, BAD_RECORD, USAGE */
  async partitionFor(id: string): Promise<Partition> {
    const partitions = await this.partitions();
    return partitions[partitionNumber(id, partitions.length)] as Partition;
  }

  /**
   * Checks that a fleet of `count` partitions can be on this connection. A fleet of one partition cannot be on a
   * cluster: its keys have no hash tag, so they would be in many slots, but a script may use keys of one slot only.
   * @throws DevstateError USAGE: one partition on a cluster
   */
  assertPartitionedOnCluster(count: number): void {
    if (count === 1 && this.cluster)
      throw new DevstateError('USAGE', 'a cluster needs a partitioned fleet', {
        reason: 'PARTITIONS_REQUIRED',
      });
  }

  /**
   * Returns the settings in the hash `devices:meta`, from a cache; a setting that the hash lacks has its default.
   * @throws DevstateError CONNECTION, BAD_RECORD
   */
  declared(): Promise<DeclaredSettings> {
    return this.#settings.declared();
  }

  /**
   * Returns the settings of the fleet, from a cache. If they declare no dialect, it is that of the options, else that
   * of most records in a sample, else `node`.
   * @throws DevstateError CONNECTION, BAD_RECORD; USAGE if the fleet's dialect is not that of the options
   */
  settings(): Promise<FleetSettings> {
    return this.#settings.settings();
  }

  /**
   * Discards the cached settings. A function that has changed the hash `devices:meta` must call it, so that the next
   * use of the settings reads the hash again.
   */
  invalidateSettings(): void {
    this.#settings.invalidate();
  }

  /**
   * Sets the longest heartbeat TTL in the fleet's settings to `ttl`, ms, if the stored one is shorter.
   * @throws DevstateError CONNECTION, BAD_RECORD, USAGE
   */
  async raiseLongestTtl(ttl: number): Promise<void> {
    const [anyPartition] = await this.partitions();
    await anyPartition?.raiseLongestTtl(ttl);
  }

  /**
   * Checks, before a write is sent, that the fleet may be written to.
   * @param action the name of the command or script, for the message
   * @throws DevstateError USAGE: the fleet was opened as read-only, or with the role `device`
   */
  assertWritable(action: string): void {
    assertWritable(this.options, action);
  }

  /**
   * Checks, before a device writes its own keys, that the fleet is not read-only.
   * @param action the name of the command, for the message
   * @throws DevstateError USAGE: the fleet was opened as read-only
   */
  assertNotReadOnly(action: string): void {
    assertNotReadOnly(this.options, action);
  }
}
