/**
 * A fleet: one connection to one namespace, with the fleet's settings. Every command that
 * devstate sends goes through here, so that errors are translated once, scripts are loaded
 * once, and a read-only fleet sends no write.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { DEFAULT_TTL_MS, type Dialect } from './device.js';
import { fieldName } from './dialect.js';
import { DevstateError, usage } from './errors.js';
import { Keyspace } from './keyspace.js';
import { fromRedis, replyCode, wrongType } from './redis-errors.js';
import { expectedTypes, RAISE_TTL, type Script, scriptKeys } from './scripts.js';

export interface FleetOptions {
  /** `acme` puts `acme:` before every key and channel. */
  namespace?: string;
  /** For a fleet that does not declare one and holds no record yet; `node` where not given. */
  dialect?: Dialect;
  /** Refuses every write before it is sent. */
  readOnly?: boolean;
  /** Within which a compare-and-set is retried, ms; 5000. */
  requestTimeout?: number;
  /** For tests: the time by which scripts write, ms, instead of the server's. */
  clock?: () => number;
}

/** What `devices:meta` says, with the defaults of a fleet that has none. */
export interface FleetSettings {
  dialect: Dialect;
  /** The longest heartbeat TTL in use, ms. */
  longestTtl: number;
  /** About how many presence events the log keeps. */
  logCap: number;
  /** How many entries each history list keeps; 0: none. */
  historyCap: number;
}

const SETTINGS_KEPT_MS = 60_000;

type Values<Name extends string> = Record<Name, string | number>;
export type Command = readonly [name: string, ...args: (string | number)[]];

export class Fleet {
  readonly redis: Redis;
  readonly keys: Keyspace;
  readonly options: FleetOptions;
  #settings: Promise<FleetSettings> | undefined;
  #settingsUntil = 0;

  constructor(redis: Redis, options: FleetOptions = {}) {
    this.redis = redis;
    this.keys = new Keyspace(options.namespace);
    this.options = options;
  }

  get requestTimeout(): number {
    return this.options.requestTimeout ?? 5000;
  }

  /**
   * Read at first use and kept for a minute, because others may change them. Where the
   * dialect had to be guessed (no record yet) or the read failed, the next caller reads again.
   */
  settings(): Promise<FleetSettings> {
    if (this.#settings && Date.now() < this.#settingsUntil) return this.#settings;
    this.#settingsUntil = Number.POSITIVE_INFINITY; // who comes while it is read shares the answer
    this.#settings = this.#readSettings().then(
      ({ guessed, ...settings }) => {
        this.#settingsUntil = guessed ? 0 : Date.now() + SETTINGS_KEPT_MS;
        return settings;
      },
      (error: unknown) => {
        this.#settingsUntil = 0;
        throw error;
      },
    );
    return this.#settings;
  }

  /** Notes a TTL that the fleet has not seen yet: holds and staleness reckon with the longest. */
  async noteTtl(ttl: number): Promise<void> {
    const settings = await this.settings();
    if (ttl <= settings.longestTtl) return;
    await this.run(RAISE_TTL, { ttl }, []);
    settings.longestTtl = ttl;
  }

  /** Runs a script for these devices; its keys are found by the descriptor. */
  async run<Arg extends string, DeviceArg extends string>(
    script: Script<Arg, DeviceArg>,
    args: Values<Arg>,
    devices: readonly (Values<DeviceArg> & { id: string })[],
    channel: string = this.keys.presenceChannel,
  ): Promise<unknown[]> {
    if (this.options.readOnly)
      throw usage(`${script.name} refused: read-only`, 'leave out --read-only to write');
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
      if (isReply(error, 'WRONGTYPE')) throw await this.wrongType(script, devices);
      throw fromRedis(error);
    }
  }

  /** By its hash; in full where the server does not know it, or not any more. */
  async #evaluate(script: Script, rest: [number, ...(string | number)[]]): Promise<unknown[]> {
    try {
      return (await this.redis.evalsha(shaOf(script), ...rest)) as unknown[];
    } catch (error) {
      if (!isReply(error, 'NOSCRIPT')) throw error;
      return (await this.redis.eval(script.source, ...rest)) as unknown[];
    }
  }

  /** Which key of a script it was that Redis found to be of another type. */
  async wrongType(script: Script, devices: readonly { id: string }[]): Promise<DevstateError> {
    const keys = scriptKeys(script, this.keys, devices);
    const types = await this.pipeline(keys.map((key) => ['type', key]));
    const expected = expectedTypes(script, devices.length);
    const place = types.findIndex((type, i) => type !== 'none' && type !== expected[i]);
    return wrongType(keys[place], types[place], expected[place]);
  }

  /** One round trip for many commands. A reply error stands in its command's place. */
  async pipeline(commands: readonly Command[]): Promise<unknown[]> {
    const replies = await this.send(() =>
      this.redis.pipeline(commands.map((command) => [...command])).exec(),
    );
    return (replies ?? []).map(([error, reply], i) => {
      if (error === null) return reply;
      if (isReply(error, 'WRONGTYPE')) return wrongType(commands[i]?.[1]);
      throw fromRedis(error);
    });
  }

  /** Sends, and translates what goes wrong. */
  async send<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      throw fromRedis(error);
    }
  }

  async #readSettings(): Promise<FleetSettings & { guessed: boolean }> {
    const meta = await this.send(() =>
      this.redis.hmget(this.keys.meta, 'dialect', 'longestTtl', 'logCap', 'historyCap'),
    );
    const [text, longestTtl, logCap, historyCap] = meta.map((value) => value ?? undefined);
    const declared = text === undefined ? undefined : declaredDialect(text);
    const { dialect: asked } = this.options;
    if (asked !== undefined && declared !== undefined && asked !== declared) {
      throw usage(`this fleet's dialect is ${declared}, not ${asked}`, 'leave out --dialect');
    }
    const dialect = declared ?? asked ?? (await this.#sampleDialect());
    return {
      dialect: dialect ?? 'node',
      guessed: dialect === undefined,
      longestTtl: Math.max(number(longestTtl, 0), DEFAULT_TTL_MS),
      logCap: number(logCap, 100_000),
      historyCap: number(historyCap, 100),
    };
  }

  /** A fleet that does not declare its dialect is written in that of its records. */
  async #sampleDialect(): Promise<Dialect | undefined> {
    const id = await this.send(() => this.redis.srandmember(this.keys.registered));
    if (id === null) return undefined;
    const dialects: Dialect[] = ['node', 'python'];
    const fields = dialects.map((dialect) => fieldName(dialect, 'id'));
    // In a pipeline, because a record of another type is that device's affair.
    const [found] = await this.pipeline([['hmget', this.keys.state(id), ...fields]]);
    return Array.isArray(found) ? dialects.find((_, i) => found[i] !== null) : undefined;
  }
}

function declaredDialect(text: string): Dialect {
  if (text === 'node' || text === 'python') return text;
  throw new DevstateError('BAD_RECORD', `devices:meta declares the dialect ${JSON.stringify(text)}`, {
    hint: 'it is node or python',
  });
}

function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && replyCode(error.message) === code;
}

function number(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new DevstateError('BAD_RECORD', `devices:meta holds ${JSON.stringify(text)} where a number is due`);
  }
  return value;
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
