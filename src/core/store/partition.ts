/**
 * A partition: the part of a fleet whose keys are in one hash slot, so that a script may use several of them. It reads
 * keys and runs scripts. The partition of a device depends only on its id and the number of partitions. A fleet that is
 * not partitioned has one partition, whose keys have no hash tag.
 */

import { type DevstateError, deviceError, readOnlyError } from '../model/errors.js';
import { Keyspace } from '../model/keyspace.js';
import type { Command, Connection } from './connection.js';
import { Requests } from './requests.js';
import { COMMON_ARGS, type Script } from './script-descriptor.js';
import { scriptError } from './script-errors.js';
import { scriptKeys } from './script-keys.js';
import { RAISE_TTL } from './scripts.js';
import type { FleetSettings } from './settings.js';

/** What a partition gets from its fleet. */
export interface PartitionOptions {
  namespace?: string | undefined;
  /** The number of the partition, from 0; undefined: the fleet is not partitioned. */
  number?: number | undefined;
  readOnly?: boolean | undefined;
  requestTimeoutMs: number;
  settings(): Promise<FleetSettings>;
  /** For tests: the time that scripts take, ms, instead of the server's. */
  clock?: (() => number) | undefined;
}

type Values<Name extends string> = Record<Name, string | number>;

export class Partition extends Requests {
  readonly keys: Keyspace;
  readonly #options: PartitionOptions;

  constructor(connection: Connection, options: PartitionOptions) {
    super(connection, options.requestTimeoutMs);
    this.keys = new Keyspace(options.namespace, options.number);
    this.#options = options;
  }

  /** Returns the settings of the fleet. @throws DevstateError CONNECTION, BAD_RECORD, USAGE */
  settings(): Promise<FleetSettings> {
    return this.#options.settings();
  }

  /** Sends many read commands in one round trip (see `Requests.sendMany`). @throws DevstateError CONNECTION */
  pipeline(commands: readonly Command[]): Promise<unknown[]> {
    return this.sendMany(commands, this.keys.registered);
  }

  /**
   * Runs a script for devices of this partition. The keys are built as the script's descriptor says.
   * @param channel the channel that the script publishes to
   * @throws DevstateError USAGE (the fleet is read-only), CONNECTION, BAD_RECORD
   */
  async run<Arg extends string, DeviceArg extends string>(
    script: Script<Arg, DeviceArg>,
    args: Values<Arg>,
    devices: readonly (Values<DeviceArg> & { id: string })[],
    channel: string = this.keys.presenceChannel,
  ): Promise<unknown[]> {
    this.assertWritable(script.name);
    const { dialect, logCap, historyCap } = await this.settings();
    const keys = scriptKeys(script, this.keys, devices);
    const common = {
      testTime: this.#options.clock?.() ?? '',
      dialectName: dialect,
      channel,
      logCap,
      historyCap,
    };
    const argv = [
      ...COMMON_ARGS.map((name) => common[name]),
      ...script.args.map((name) => args[name]),
      ...devices.flatMap((device) => script.deviceArgs.map((name) => device[name])),
    ];
    try {
      return await this.evaluate(script, keys, argv);
    } catch (error) {
      throw await scriptError(this, script, { devices, channel }, error);
    }
  }

  /** Returns the error of one device of a batch. @param raised the error text that the script replied for the device */
  async itemError(
    script: Script,
    device: { id: string; type?: string; oldType?: string },
    raised: string,
  ): Promise<DevstateError> {
    const call = { devices: [device], channel: this.keys.presenceChannel };
    const cause = await scriptError(this, script, call, new Error(raised));
    return cause.code === 'BAD_RECORD' ? cause : deviceError(device.id, cause); // BAD_RECORD names the key
  }

  /**
   * Raises the longest TTL of the fleet to at least `ttl` ms: the hold and `stale` depend on it.
   * @throws DevstateError CONNECTION, BAD_RECORD, USAGE
   */
  async raiseLongestTtl(ttl: number): Promise<void> {
    const settings = await this.settings();
    if (ttl <= settings.longestTtl) return;
    await this.run(RAISE_TTL, { ttl }, []);
    settings.longestTtl = ttl;
  }

  /** @throws DevstateError USAGE if the fleet is read-only */
  assertWritable(action: string): void {
    if (this.#options.readOnly) throw readOnlyError(action);
  }
}
