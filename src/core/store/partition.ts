/**
 * A partition: the part of a fleet whose keys are in one hash slot, because a script may use keys of one slot only. The
 * class reads these keys and runs scripts. The partition of a device depends only on its id and the number of
 * partitions. A fleet that is not partitioned has one partition, whose keys have no hash tag.
 */

import { MAX_FIELD_BYTES } from '../model/document-limits.js';
import { type DevstateError, deviceError } from '../model/errors.js';
import { Keyspace } from '../model/keyspace.js';
import type { Repeat } from './call.js';
import { layoutChanged } from './layout-changed.js';
import type { Link } from './link.js';
import type { RedisRequest } from './replies.js';
import { isDenied, replyCode } from './reply-errors.js';
import { type Evaluation, Requests } from './requests.js';
import { COMMON_ARGS, type Script } from './script-descriptor.js';
import { scriptError } from './script-errors.js';
import { scriptKeys } from './script-keys.js';
import { ConfirmedPermissions } from './script-permissions.js';
import { LOWER_TTL, RAISE_TTL } from './scripts.js';
import { type CapName, capArguments, type DeclaredSettings, type FleetSettings } from './settings.js';
import { assertNotReadOnly, assertWritable } from './write-permission.js';

/** What a fleet gives to each of its partitions. */
export interface PartitionOptions {
  namespace?: string | undefined;
  /** The number of the partition, from 0. */
  number: number;
  /** How many partitions the fleet has; 1: it is not partitioned. */
  count: number;
  readOnly?: boolean | undefined;
  role?: 'device' | undefined;
  requestTimeoutMs: number;
  settings(): Promise<FleetSettings>;
  declared(): Promise<DeclaredSettings>;
  /** Only in tests: returns the time, epoch ms, that scripts use instead of the time of the Redis server. */
  clock?: (() => number) | undefined;
}

type Values<Name extends string> = Record<Name, string | number>;
/** The arguments of a script that its caller gives; the caps are those of the settings. */
type GivenValues<Arg extends string> = Values<Exclude<Arg, CapName>>;

export class Partition extends Requests {
  readonly keys: Keyspace;
  readonly #options: PartitionOptions;
  readonly #permissions = new ConfirmedPermissions();

  constructor(link: Link, options: PartitionOptions) {
    super(link, options.requestTimeoutMs);
    this.keys = new Keyspace(options.namespace, options.count === 1 ? undefined : options.number);
    this.#options = options;
  }

  /** Returns the settings of the fleet. @throws DevstateError CONNECTION, BAD_RECORD, USAGE */
  settings(): Promise<FleetSettings> {
    return this.#options.settings();
  }

  /** Returns what the fleet declares; the dialect may be undefined. @throws DevstateError CONNECTION, BAD_RECORD */
  declared(): Promise<DeclaredSettings> {
    return this.#options.declared();
  }

  /**
   * Checks that the fleet still has the number of partitions that this partition is one of. Nothing is checked for a
   * user who may not read that number.
   * @throws DevstateError CONFLICT with the reason PARTITIONS_CHANGED; CONNECTION, BAD_RECORD
   */
  async assertLayout(): Promise<void> {
    if (this.isDeviceRole) return;
    try {
      const layout = await this.ask('get', this.keys.layout);
      if (layout !== null && layout !== String(this.#options.count))
        throw layoutChanged(`not ${this.#options.count}`);
    } catch (error) {
      if (!isDenied(error)) throw error;
    }
  }

  /**
   * Sends many read commands in one round trip, and returns their replies in order. In a cluster the command TIME is
   * sent to the server that holds the keys of the partition.
   * @throws DevstateError CONNECTION
   */
  pipeline(commands: readonly RedisRequest[]): Promise<unknown[]> {
    return this.sendMany(commands, this.keys.registered);
  }

  /**
   * Runs a script for devices of this partition, with the keys that the script's descriptor lists. Returns the server's
   * time and the reply.
   * @param channel the channel that the script publishes its messages on; default: the channel of presence events
   * @throws DevstateError USAGE (the fleet is read-only), BAD_RECORD; CONFLICT with the reason PARTITIONS_CHANGED: the
   *   fleet has another layout, so nothing was done; CONNECTION, with the outcome `unknown` if the script may have run
   */
  run<Arg extends string, DeviceArg extends string>(
    script: Script<Arg, DeviceArg>,
    args: GivenValues<Arg>,
    devices: readonly (Values<DeviceArg> & { id: string })[],
    channel: string = this.keys.presenceChannel,
  ): Promise<Evaluation> {
    return this.#evaluate(script, args, devices, channel, script.repeat);
  }

  /**
   * Runs a script that may be sent again after a lost connection, as `run` does: at once if its descriptor says so, else
   * when the earlier attempt can no longer be done. The result says whether it was sent more than once.
   * @param wasSent whether another script, which this one completes, may have done the same already
   * @throws as `run` does
   */
  runRepeatably<Arg extends string, DeviceArg extends string>(
    script: Script<Arg, DeviceArg>,
    args: GivenValues<Arg>,
    devices: readonly (Values<DeviceArg> & { id: string })[],
    wasSent: boolean,
  ): Promise<Evaluation> {
    const repeat = script.repeat === 'repeatable' ? 'repeatable' : 'spaced';
    return this.#evaluate(script, args, devices, this.keys.presenceChannel, repeat, wasSent);
  }

  async #evaluate<Arg extends string, DeviceArg extends string>(
    script: Script<Arg, DeviceArg>,
    args: GivenValues<Arg>,
    devices: readonly (Values<DeviceArg> & { id: string })[],
    channel: string,
    repeat: Exclude<Repeat, 'read'>,
    wasSent = false,
  ): Promise<Evaluation> {
    this.assertWritable(script.name);
    const settings = await this.settings();
    const { dialect, deviceLogins } = settings;
    const keys = scriptKeys(script, this.keys, devices);
    // A channel other than that of presence events may be denied for one device and not for another.
    const isPermitted = channel === this.keys.presenceChannel && this.#permissions.has(script.name);
    const common = {
      testTime: this.#options.clock?.() ?? '',
      notAfter: '',
      permissionCheck: isPermitted ? '' : 1,
      dialectName: dialect,
      channel,
      logCap: await this.logCap(),
      maxFieldBytes: deviceLogins ? MAX_FIELD_BYTES : 0,
      layout: this.#options.count,
    };
    const values = { ...capArguments(settings), ...args } as Values<Arg>;
    const argv = [
      ...COMMON_ARGS.map((name) => common[name]),
      ...script.args.map((name) => values[name]),
      ...devices.flatMap((device) => script.deviceArgs.map((name) => device[name])),
    ];
    try {
      const evaluation = await this.evaluate(script, keys, argv, devices.length, repeat, wasSent);
      if (!isPermitted) this.#permissions.add(script.name);
      return evaluation;
    } catch (error) {
      this.#permissions.delete(script.name);
      if (error instanceof Error && replyCode(error.message) === 'LAYOUT')
        throw layoutChanged(`not ${this.#options.count}`);
      throw await scriptError(this, script, { devices, channel }, error);
    }
  }

  /**
   * Makes the error of one device, when a script that handles many devices replied an error for this device instead
   * of failing as a whole.
   * @param raised the text of the error, which the script replied for the device
   */
  async itemError(
    script: Script,
    device: { id: string; type?: string; oldType?: string },
    raised: string,
  ): Promise<DevstateError> {
    this.#permissions.delete(script.name);
    if (replyCode(raised) === 'READONLY') this.link.reconnectAfterReadOnly();
    const call = { devices: [device], channel: this.keys.presenceChannel };
    const cause = await scriptError(this, script, call, new Error(raised));
    // A BAD_RECORD error is returned as it is, because its message names the key, which contains the device's id. To
    // the message of any other error the id is added.
    return cause.code === 'BAD_RECORD' ? cause : deviceError(device.id, cause);
  }

  /**
   * Returns how many presence events the log of this partition keeps: its share of those that the fleet keeps.
   * @throws DevstateError CONNECTION, BAD_RECORD, USAGE
   */
  async logCap(): Promise<number> {
    const { logCap } = await this.settings();
    return Math.ceil(logCap / this.#options.count);
  }

  /**
   * Sets the longest heartbeat TTL in the fleet's settings to `ttl`, ms, if the stored one is shorter. It limits how
   * long a hold lasts, and up to which deadline a search for stale devices reads the index.
   * @throws DevstateError CONNECTION, BAD_RECORD, USAGE
   */
  async raiseLongestTtl(ttl: number): Promise<void> {
    const settings = await this.settings();
    if (ttl <= settings.raiseAbove) return;
    await this.run(RAISE_TTL, { ttl }, []);
    settings.longestTtl = Math.max(settings.longestTtl, ttl);
    settings.raiseAbove = ttl;
  }

  /**
   * Lowers the longest heartbeat TTL in the fleet's settings to `ttl`, ms, if the previous audit found no longer one
   * either.
   * @param ttl the longest TTL that an audit of the whole fleet found, ms
   * @param known what this method had returned last when the audit began; empty: nothing
   * @returns the value of `known` for the call after the next audit
   * @throws DevstateError CONNECTION, BAD_RECORD, USAGE
   */
  async lowerLongestTtl(ttl: number, known: string): Promise<string> {
    const { reply } = await this.run(LOWER_TTL, { ttl, known }, []);
    return String(reply[0]);
  }

  /**
   * Checks, before a write is sent, that the partition may be written to.
   * @param action the name of the command or script, for the message
   * @throws DevstateError USAGE: the fleet was opened as read-only, or with the role `device`
   */
  assertWritable(action: string): void {
    assertWritable(this.#options, action);
  }

  /** True: the user is a device, which may run no script; `presence/plain-heartbeat.ts` then writes its heartbeats. */
  get isDeviceRole(): boolean {
    return this.#options.role === 'device';
  }

  /**
   * Checks, before a device writes its own keys, that the fleet is not read-only.
   * @param action the name of the command, for the message
   * @throws DevstateError USAGE: the fleet was opened as read-only
   */
  assertNotReadOnly(action: string): void {
    assertNotReadOnly(this.#options, action);
  }
}
