/**
 * A fleet: all devices of one namespace, over one connection. Its devices are in partitions: one, unless
 * `devstate init --partitions` declared more. Functions that read keys or run scripts take a `Partition`, functions for
 * devices of any partition take a `Fleet`.
 */
import type { Dialect } from '../model/device.js';
import { DevstateError, readOnlyError } from '../model/errors.js';
import { type FleetKeys, Keyspace } from '../model/keyspace.js';
import type { Connection } from './connection.js';
import { FleetSettingsReader } from './fleet-settings.js';
import { Partition } from './partition.js';
import { partitionNumber } from './partition-number.js';
import { Requests } from './requests.js';
import type { DeclaredSettings, FleetSettings } from './settings.js';

export interface FleetOptions {
  /** `acme` puts `acme:` before every key and channel. */
  namespace?: string;
  /** The dialect if the fleet declares none and has no record yet; default `node`. Otherwise it must be the fleet's. */
  dialect?: Dialect;
  /** Refuses every write before it is sent. */
  readOnly?: boolean;
  /** The longest time that a request, or the attempts of a compare-and-set, may take, ms; default 5000. */
  requestTimeout?: number;
}

const DEFAULT_REQUEST_TIMEOUT_MS = 5000;

export class Fleet extends Requests {
  readonly options: FleetOptions;
  readonly #keys: Keyspace;
  readonly #clock: (() => number) | undefined;
  readonly #settings: FleetSettingsReader;
  #partitions: readonly Partition[] = [];

  /** @param clock for tests: the time that scripts take, ms, instead of the server's */
  constructor(connection: Connection, options: FleetOptions = {}, clock?: () => number) {
    super(connection, options.requestTimeout ?? DEFAULT_REQUEST_TIMEOUT_MS);
    this.options = options;
    this.#keys = new Keyspace(options.namespace);
    this.#clock = clock;
    this.#settings = new FleetSettingsReader(this, options.namespace, options.dialect);
  }

  /** The key and the channels that are not part of a partition. */
  get keys(): FleetKeys {
    return this.#keys;
  }

  /**
   * Returns all partitions, by number.
   * @throws DevstateError CONNECTION, BAD_RECORD; USAGE: the fleet is on a cluster and not partitioned
   */
  async partitions(): Promise<readonly Partition[]> {
    const { partitions } = await this.#settings.declared();
    this.assertPartitionable(partitions);
    if (this.#partitions.length !== partitions) this.#partitions = this.partitionsFor(partitions);
    return this.#partitions;
  }

  /** Returns the partitions that the fleet would have if it were declared with this number of them. */
  partitionsFor(count: number): readonly Partition[] {
    return Array.from(
      { length: count },
      (_, number) =>
        new Partition(this.connection, {
          namespace: this.options.namespace,
          number: count === 1 ? undefined : number,
          readOnly: this.options.readOnly,
          requestTimeoutMs: this.requestTimeoutMs,
          settings: () => this.settings(),
          clock: this.#clock,
        }),
    );
  }

  /** Returns the partition of a device. @throws DevstateError CONNECTION, BAD_RECORD, USAGE, as `partitions` */
  async partitionFor(id: string): Promise<Partition> {
    const partitions = await this.partitions();
    return partitions[partitionNumber(id, partitions.length)] as Partition;
  }

  /** @throws DevstateError USAGE: one partition on a cluster, where a fleet must have several */
  assertPartitionable(count: number): void {
    if (count === 1 && this.cluster)
      throw new DevstateError('USAGE', 'a cluster needs a partitioned fleet', {
        reason: 'PARTITIONS_REQUIRED',
      });
  }

  /** Returns the fields of `devices:meta`, read at most a minute ago. @throws DevstateError CONNECTION, BAD_RECORD */
  declared(): Promise<DeclaredSettings> {
    return this.#settings.declared();
  }

  /** Returns the same settings with a dialect: declared, or that of the records. @throws DevstateError CONNECTION, BAD_RECORD, USAGE */
  settings(): Promise<FleetSettings> {
    return this.#settings.settings();
  }

  /** Must be called after a change of the settings: the next use reads them again. */
  invalidateSettings(): void {
    this.#settings.invalidate();
  }

  /** Raises the longest TTL of the fleet to at least `ttl` ms. @throws DevstateError CONNECTION, BAD_RECORD, USAGE */
  async raiseLongestTtl(ttl: number): Promise<void> {
    const [anyPartition] = await this.partitions();
    await anyPartition?.raiseLongestTtl(ttl);
  }

  /** @throws DevstateError USAGE if the fleet is read-only */
  assertWritable(action: string): void {
    if (this.options.readOnly) throw readOnlyError(action);
  }
}
