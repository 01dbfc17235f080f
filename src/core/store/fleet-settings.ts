/**
 * Reads the settings of a fleet: the hash `devices:meta`, and the dialect that the fleet's records are written in. Both
 * are read at first use and cached, because every script needs them. If the server that holds the hash is down, the
 * settings read last are used, so that partitions on other servers keep working.
 */
import { CachedValue } from '../async/cached-value.js';
import type { Dialect } from '../model/device.js';
import { fieldName } from '../model/dialect.js';
import { DevstateError } from '../model/errors.js';
import { isOverlong } from '../model/identifiers.js';
import { Keyspace } from '../model/keyspace.js';
import { NOT_UTF8 } from '../model/stored-document.js';
import { isolateDenials } from './isolate-denials.js';
import { asDeviceDenial, isTransient } from './redis-errors.js';
import { isDenied } from './reply-errors.js';
import type { Requests } from './requests.js';
import {
  type DeclaredSettings,
  type FleetSettings,
  parseDeclaredSettings,
  SETTING_FIELDS,
} from './settings.js';

/**
 * How long the settings of a fleet are cached, ms. Until it has passed, a running program may not notice that
 * `devstate init` has changed them.
 */
const SETTINGS_CACHED_MS = 60_000;
/**
 * How long a request waits for settings that are out of date, before it is sent with the last ones: this part of the
 * request timeout, but at most `LONGEST_WAIT_MS`. The wait is added to the time of the request.
 */
const WAIT_SHARE = 1 / 10;
const LONGEST_WAIT_MS = 500;
/** How many device records, chosen at random, are read to find the dialect of a fleet whose settings declare none. */
const SAMPLE_SIZE = 10;
const DIALECTS: readonly Dialect[] = ['node', 'python'];

/** Where a fleet gets its settings from. */
export interface SettingsSource {
  declared(): Promise<DeclaredSettings>;
  settings(): Promise<FleetSettings>;
  /** Discards what was read, so that the next call reads it again. */
  invalidate(): void;
}

export class FleetSettingsReader implements SettingsSource {
  readonly #requests: Requests;
  readonly #keys: Keyspace;
  readonly #dialect: Dialect | undefined;
  readonly #declared: CachedValue<DeclaredSettings>;
  /**
   * True: `node` was assumed as the dialect, because the fleet declares none, the caller expects none and there is no
   * record yet. The settings are then not cached, because the first record decides the dialect. False: the dialect is
   * known, and the settings are cached.
   */
  #isDialectGuessed = false;
  readonly #settings: CachedValue<FleetSettings>;

  /**
   * @param dialect the dialect that the caller expects. A fleet that declares none and has no record yet gets it; if
   *   the fleet has another dialect, `settings` rejects with USAGE
   */
  constructor(requests: Requests, namespace: string | undefined, dialect: Dialect | undefined) {
    this.#requests = requests;
    // These keys are used to read the settings and, if the fleet declares no dialect, a sample of its records. A
    // fleet without a declared dialect is not partitioned, because `devstate init` declares both, so the keys need no
    // partition number.
    this.#keys = new Keyspace(namespace);
    this.#dialect = dialect;
    const waitMs = Math.min(requests.requestTimeoutMs * WAIT_SHARE, LONGEST_WAIT_MS);
    this.#declared = new CachedValue({
      read: () => this.#readDeclared(),
      waitMs,
      cachedForMs: () => SETTINGS_CACHED_MS,
      isTransient,
    });
    this.#settings = new CachedValue({
      read: () => this.#readSettings(),
      waitMs,
      cachedForMs: () => (this.#isDialectGuessed ? 0 : SETTINGS_CACHED_MS),
      isTransient,
    });
  }

  /**
   * Returns the settings in the hash `devices:meta`; a setting that the hash lacks has its default.
   * @throws DevstateError CONNECTION, BAD_RECORD
   */
  declared(): Promise<DeclaredSettings> {
    return this.#declared.get();
  }

  /**
   * Returns the settings in the hash `devices:meta`, or their defaults, and always a dialect. If the hash declares no
   * dialect, it is the one that the caller expects, else that of most records in a sample, else `node`.
   * @throws DevstateError CONNECTION, BAD_RECORD; USAGE if the fleet's dialect is not the one the caller expects
   */
  settings(): Promise<FleetSettings> {
    return this.#settings.get();
  }

  /** Discards the cached settings, so that the next call of `declared` or `settings` reads them again. */
  invalidate(): void {
    this.#settings.invalidate();
    this.#declared.invalidate();
  }

  async #readDeclared(): Promise<DeclaredSettings> {
    const values = await this.#requests.ask('hmget', this.#keys.meta, ...SETTING_FIELDS);
    return parseDeclaredSettings(values.map((value) => (value === NOT_UTF8 ? '\ufffd' : value)));
  }

  async #readSettings(): Promise<FleetSettings> {
    if (this.#isDialectGuessed) this.#declared.invalidate();
    const declared = await this.#declared.get();
    const expected = this.#dialect;
    const found = declared.dialect === undefined ? await this.#sampleDialects() : [declared.dialect];
    if (expected !== undefined && found.length > 0 && !found.includes(expected))
      throw new DevstateError('USAGE', `this fleet's dialect is ${found[0]}, not ${expected}`, {
        reason: 'DIALECT_MISMATCH',
      });
    const dialect = expected ?? found[0];
    this.#isDialectGuessed = dialect === undefined;
    return { ...declared, dialect: dialect ?? 'node' };
  }

  /**
   * Returns the dialects found in a sample of the fleet's records, the most frequent first; [] if no record was
   * found.
   */
  async #sampleDialects(): Promise<Dialect[]> {
    const ids = await this.#sampleIds();
    if (ids.length === 0) return [];
    const fields = DIALECTS.map((dialect) => fieldName(dialect, 'id'));
    const records = await isolateDenials(ids, (some) =>
      this.#requests
        .sendMany(
          some.map((id) => ['hmget', this.#keys.state(id), ...fields]),
          this.#keys.registered,
        )
        .catch((error) => {
          throw asDeviceDenial(error);
        }),
    );
    const [first] = records;
    if (first instanceof DevstateError && first.reason === 'DEVICE_DENIED' && !records.some(Array.isArray))
      return this.#withoutSample(first);
    // If the key of a record does not hold a hash, or the user may not access it, the result is an error instead of
    // the reply to HMGET, and the record is not counted for any dialect.
    const count = (field: number) =>
      records.filter((values) => Array.isArray(values) && values[field] !== null).length;
    return DIALECTS.map((dialect, field) => ({ dialect, count: count(field) }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count)
      .map(({ dialect }) => dialect);
  }

  async #sampleIds(): Promise<string[]> {
    try {
      const ids = await this.#requests.ask('srandmember', this.#keys.registered, SAMPLE_SIZE);
      return ids.filter((id) => !isOverlong(id));
    } catch (error) {
      if (!isDenied(error)) throw error;
      return this.#withoutSample(error);
    }
  }

  /**
   * Returns no sample, because the user may not read it. That is an error only if the caller has not given the dialect.
   * @throws DevstateError CONNECTION
   */
  #withoutSample(denial: Error): [] {
    if (this.#dialect !== undefined) return [];
    throw new DevstateError('CONNECTION', denial.message, { reason: 'DIALECT_UNKNOWN', cause: denial });
  }
}
