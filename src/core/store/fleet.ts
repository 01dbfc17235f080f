/**
 * A fleet: all devices of one namespace, over one connection. Its devices are spread over partitions
 * (one, unless `devstate init --partitions` declared more); functions that read keys or run scripts
 * take a `Partition`, functions about the whole take a `Fleet`.
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
  /** The dialect of a fleet that declares none and has no record yet; default `node`. */
  dialect?: Dialect;
  /** Refuses every write before it is sent. */
  readOnly?: boolean;
  /** The longest that a request, or the retries of a compare-and-set, may take, ms; default 5000. */
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

  /** All partitions, by number. @throws DevstateError USAGE: not partitioned, on a cluster; CONNECTION */
  async partitions(): Promise<readonly Partition[]> {
    const { partitions } = await this.#settings.declared();
    this.assertPartitionable(partitions);
    if (this.#partitions.length !== partitions) this.#partitions = this.partitionsFor(partitions);
    return this.#partitions;
  }

  /** The partitions that the fleet has if it is declared to have this many. */
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

  /** The partition of a device. @throws as `partitions` */
  async partitionFor(id: string): Promise<Partition> {
    const partitions = await this.partitions();
    return partitions[partitionNumber(id, partitions.length)] as Partition;
  }

  /** @throws DevstateError USAGE on a cluster, where a fleet must have several partitions */
  assertPartitionable(count: number): void {
    if (count === 1 && this.cluster)
      throw new DevstateError('USAGE', 'a cluster needs a partitioned fleet', {
        reason: 'PARTITIONS_REQUIRED',
      });
  }

  /** The fields of `devices:meta`, at most a minute old. @throws DevstateError CONNECTION, BAD_RECORD */
  declared(): Promise<DeclaredSettings> {
    return this.#settings.declared();
  }

  /** The same with the dialect resolved. @throws DevstateError CONNECTION, BAD_RECORD, USAGE */
  settings(): Promise<FleetSettings> {
    return this.#settings.settings();
  }

  /** The settings were changed: the next use reads them again. */
  invalidateSettings(): void {
    this.#settings.invalidate();
  }

  /** Raises the longest TTL of the fleet to at least `ttl` ms. @throws DevstateError CONNECTION */
  async raiseLongestTtl(ttl: number): Promise<void> {
    const [anyPartition] = await this.partitions();
    await anyPartition?.raiseLongestTtl(ttl);
  }

  /** @throws DevstateError USAGE if the fleet is read-only */
  assertWritable(action: string): void {
    if (this.options.readOnly) throw readOnlyError(action);
  }
}
