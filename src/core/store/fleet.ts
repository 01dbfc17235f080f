/**
 * A fleet: one connection to one namespace, with the fleet's settings. Every command that
 * devstate sends goes through here, so that errors are translated once, scripts are loaded
 * once, and a read-only fleet sends no write.
 */
import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import { CachedValue } from '../async/cached-value.js';
import type { Dialect } from '../model/device.js';
import { fieldName } from '../model/dialect.js';
import { DevstateError, quote, readOnlyError, usageError } from '../model/errors.js';
import { Keyspace } from '../model/keyspace.js';
import { partitionOf } from './by-partition.js';
import { ignoreAskingFailures, type ServerReply, sendPipeline, sendToServer } from './pipeline.js';
import { isDenied, isRetryable, replyCode, toDevstateError, wrongTypeError } from './redis-errors.js';
import { requestWithTimeout } from './retry.js';
import type { Script } from './script-descriptor.js';
import { scriptError } from './script-errors.js';
import { scriptKeys } from './script-keys.js';
import { RAISE_TTL } from './scripts.js';
import { type DeclaredSettings, parseDeclaredSettings, SETTING_FIELDS } from './settings.js';

export interface FleetOptions {
  /** `acme` puts `acme:` before every key and channel. */
  namespace?: string;
  /** For a fleet that does not declare one and holds no record yet; `node` where not given. */
  dialect?: Dialect;
  /** Refuses every write before it is sent. */
  readOnly?: boolean;
  /** Within which a request is answered, and a compare-and-set is retried, ms; 5000. */
  requestTimeout?: number;
  /** For tests: the time by which scripts write, ms, instead of the server's. */
  clock?: () => number;
}

/** What the fleet declares, and the dialect that it is written in. */
export type FleetSettings = Omit<DeclaredSettings, 'dialect'> & { dialect: Dialect };

/** Because others may change them. */
const SETTINGS_KEPT_MS = 60_000;
/** How many records tell the dialect of a fleet that declares none. */
const SAMPLE = 10;

type Values<Name extends string> = Record<Name, string | number>;
export type Command = readonly [name: string, ...args: (string | number)[]];

/** One server, be it found by Sentinel, or a cluster. */
export type Connection = Redis | Cluster;

export class Fleet {
  /** A cluster answers the same commands; what else it is, is asked of `cluster`. */
  readonly redis: Redis;
  readonly cluster: Cluster | undefined;
  /** Of a whole that is partitioned, only what is not part of a partition. */
  readonly keys: Keyspace;
  readonly options: FleetOptions;
  readonly #whole: Fleet | undefined;
  readonly #meta = new CachedValue(
    () => this.#readMeta(),
    () => SETTINGS_KEPT_MS,
  );
  #guessed = false;
  readonly #settings = new CachedValue(
    () => this.#readSettings(),
    () => (this.#guessed ? 0 : SETTINGS_KEPT_MS),
  );
  #partitions: readonly Fleet[] = [this];

  /** @param part of a whole fleet: a partition, by its number */
  constructor(connection: Connection, options: FleetOptions = {}, part?: { whole: Fleet; number: number }) {
    this.redis = connection as Redis;
    this.cluster = connection.isCluster ? (connection as Cluster) : undefined;
    this.keys = new Keyspace(options.namespace, part?.number);
    this.options = options;
    this.#whole = part?.whole;
    if (this.cluster) ignoreAskingFailures(this.cluster);
  }

  /** Each a fleet of its own keys on this connection; one that is not partitioned is its only one. */
  async partitions(): Promise<readonly Fleet[]> {
    if (this.#whole) return this.#partitions;
    const { partitions } = await this.#meta.get();
    this.refuseParts(partitions);
    if (this.#partitions.length !== partitions) this.#partitions = this.inParts(partitions);
    return this.#partitions;
  }

  /** As it is when it is cut into so many. */
  inParts(count: number): readonly Fleet[] {
    if (count === 1) return [this];
    const connection = this.cluster ?? this.redis;
    return Array.from(
      { length: count },
      (_, number) => new Fleet(connection, this.options, { whole: this, number }),
    );
  }

  /** @throws DevstateError USAGE on a cluster, where a fleet must be partitioned */
  refuseParts(count: number): void {
    if (count === 1 && this.cluster)
      throw usageError('a cluster needs a partitioned fleet', 'devstate init --partitions 64');
  }

  /** The partition that a device belongs to. */
  async of(id: string): Promise<Fleet> {
    const partitions = await this.partitions();
    return partitions[partitionOf(id, partitions.length)] as Fleet;
  }

  /** All that hold keys: of a cluster its masters, as far as they are known now. */
  servers(): readonly Redis[] {
    return this.cluster?.nodes('master') ?? [this.redis];
  }

  get requestTimeout(): number {
    return this.options.requestTimeout ?? 5000;
  }

  /** What `devices:meta` says. */
  declared(): Promise<DeclaredSettings> {
    return this.#whole?.declared() ?? this.#meta.get();
  }

  /** Where the dialect had to be guessed (no record yet), the next caller reads again. */
  settings(): Promise<FleetSettings> {
    return this.#whole?.settings() ?? this.#settings.get();
  }

  /** They have been changed. */
  forgetSettings(): void {
    this.#whole?.forgetSettings();
    this.#settings.invalidate();
    this.#meta.invalidate();
  }

  /** Notes a TTL that the fleet has not seen yet: holds and staleness reckon with the longest. */
  async noteTtl(ttl: number): Promise<void> {
    const settings = await this.settings();
    if (ttl <= settings.longestTtl) return;
    await this.run(RAISE_TTL, { ttl }, []);
    settings.longestTtl = ttl;
  }

  /** @throws DevstateError USAGE if nothing may be written */
  refuseReadOnly(what: string): void {
    if (this.options.readOnly) throw readOnlyError(what);
  }

  /** Runs a script for these devices; its keys are found by the descriptor. */
  async run<Arg extends string, DeviceArg extends string>(
    script: Script<Arg, DeviceArg>,
    args: Values<Arg>,
    devices: readonly (Values<DeviceArg> & { id: string })[],
    channel: string = this.keys.presenceChannel,
  ): Promise<unknown[]> {
    this.refuseReadOnly(script.name);
    const { dialect, logCap, historyCap } = await this.settings();
    const keys = scriptKeys(script, this.keys, devices);
    const argv = [
      ...[this.options.clock?.() ?? '', dialect, channel, logCap, historyCap],
      ...script.args.map((name) => args[name]),
      ...devices.flatMap((device) => script.deviceArgs.map((name) => device[name])),
    ];
    try {
      return await this.#evaluate(script, [keys.length, ...keys, ...argv]);
    } catch (error) {
      throw await scriptError(this, script, { devices, channel }, error);
    }
  }

  /** By its hash; in full where the server does not know it, or not any more. */
  async #evaluate(script: Script, rest: [number, ...(string | number)[]]): Promise<unknown[]> {
    const { redis, requestTimeout } = this;
    try {
      return (await requestWithTimeout(requestTimeout, () =>
        redis.evalsha(shaOf(script), ...rest),
      )) as unknown[];
    } catch (error) {
      if (!isReply(error, 'NOSCRIPT')) throw error;
      return (await requestWithTimeout(requestTimeout, () =>
        redis.eval(script.source, ...rest),
      )) as unknown[];
    }
  }

  /** Why one device of a batch failed, by what its part of the script raised. */
  async itemError(
    script: Script,
    device: { id: string; type?: string; oldType?: string },
    raised: string,
  ): Promise<DevstateError> {
    const call = { devices: [device], channel: this.keys.presenceChannel };
    const cause = await scriptError(this, script, call, new Error(raised));
    const { code, message, hint } = cause;
    if (code === 'BAD_RECORD') return cause; // names the key, which the device has to do with
    return new DevstateError(code, `device ${quote(device.id)}: ${message}`, {
      cause,
      ...(hint && { hint }),
    });
  }

  /**
   * One round trip for many commands that read: all are sent again where the server cannot
   * serve one of them yet. A key of another type stands as an error in its command's place.
   */
  async pipeline(commands: readonly Command[]): Promise<unknown[]> {
    const replies = await this.send(async () => {
      const answers = await sendPipeline(this.cluster ?? this.redis, commands, this.keys.registered);
      for (const [error] of answers) if (isRetryable(error)) throw error;
      return answers;
    });
    return replies.map(([error, reply], i) => {
      if (error === null) return reply;
      if (isReply(error, 'WRONGTYPE')) return wrongTypeError(commands[i]?.[1]);
      throw toDevstateError(error);
    });
  }

  /** The answer, and from where: a cursor is good there alone. @throws DevstateError CONNECTION */
  ask(command: Command): Promise<ServerReply> {
    return this.send(() => sendToServer(this.cluster ?? this.redis, command));
  }

  /** Sends, and translates what goes wrong. @throws DevstateError CONNECTION, also when it takes too long */
  async send<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await requestWithTimeout(this.requestTimeout, request);
    } catch (error) {
      throw toDevstateError(error);
    }
  }

  async #readSettings(): Promise<FleetSettings> {
    if (this.#guessed) this.#meta.invalidate();
    const { dialect: declared, ...settings } = await this.#meta.get();
    const { dialect: asked } = this.options;
    const found = declared === undefined ? await this.#sampleDialects() : [declared];
    if (asked !== undefined && found.length > 0 && !found.includes(asked))
      throw usageError(`this fleet's dialect is ${found[0]}, not ${asked}`, 'leave out --dialect');
    const dialect = asked ?? found[0];
    this.#guessed = dialect === undefined;
    return { ...settings, dialect: dialect ?? 'node' };
  }

  async #readMeta(): Promise<DeclaredSettings> {
    return parseDeclaredSettings(await this.send(() => this.redis.hmget(this.keys.meta, ...SETTING_FIELDS)));
  }

  /** The dialects of some records, that of the most first: an undeclared fleet is written like them. */
  async #sampleDialects(): Promise<Dialect[]> {
    const ids = await this.send(() => this.redis.srandmember(this.keys.registered, SAMPLE)).catch(
      (error: unknown) => {
        if (!isDenied(error)) throw error;
        // Who says the dialect need not be allowed to see the fleet.
        if (this.options.dialect !== undefined) return [];
        const hint = 'declare what the fleet is with devstate init, or give its --dialect';
        throw new DevstateError('CONNECTION', error.message, { hint, cause: error });
      },
    );
    if (ids.length === 0) return [];
    const fields = DIALECTS.map((dialect) => fieldName(dialect, 'id'));
    const records = await this.pipeline(ids.map((id) => ['hmget', this.keys.state(id), ...fields]));
    // A record of another type is that device's affair.
    const count = (place: number) =>
      records.filter((values) => Array.isArray(values) && values[place] !== null).length;
    const counted = DIALECTS.map((dialect, place) => ({ dialect, count: count(place) }));
    return counted
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count)
      .map(({ dialect }) => dialect);
  }
}

const DIALECTS: readonly Dialect[] = ['node', 'python'];

function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && replyCode(error.message) === code;
}

const shas = new Map<string, string>();

/** What Redis knows a script by once it has seen it. */
function shaOf({ name, source }: Script): string {
  const known = shas.get(name);
  if (known !== undefined) return known;
  const sha = createHash('sha1').update(source).digest('hex');
  shas.set(name, sha);
  return sha;
}
