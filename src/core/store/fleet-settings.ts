/**
 * Reads the settings of a fleet: the hash `devices:meta`, and the dialect that the fleet's records are written in. Both
 * are read at first use and cached, because every script needs them. If the server that holds the hash is down, the
 * settings read last are used, so that partitions on other servers keep working.
 */
import { CachedValue } from '../async/cached-value.js';
import type { Dialect } from '../model/device.js';
import { fieldName } from '../model/dialect.js';
import { DevstateError } from '../model/errors.js';
import { Keyspace } from '../model/keyspace.js';
import { isTransient } from './redis-errors.js';
import { isDenied } from './reply-errors.js';
import type { Requests } from './requests.js';
import {
  type DeclaredSettings,
  type FleetSettings,
  parseDeclaredSettings,
  SETTING_FIELDS,
} from './settings.js';

/** How long the settings of a fleet are used before they are read again, ms: `devstate init` may have changed them. */
const SETTINGS_CACHED_MS = 60_000;
/** How many device records are read to find the dialect of a fleet whose settings declare none. */
const SAMPLE_SIZE = 10;
const DIALECTS: readonly Dialect[] = ['node', 'python'];

export class FleetSettingsReader {
  readonly #requests: Requests;
  readonly #keys: Keyspace;
  readonly #dialect: Dialect | undefined;
  readonly #declared = new CachedValue({
    read: () => this.#readDeclared(),
    cachedForMs: () => SETTINGS_CACHED_MS,
    isTransient,
  });
  /**
   * True if the dialect is only the default, because the fleet declares none, the caller expects none and there is no
   * record yet. The settings are then not cached, because the first record decides.
   */
  #isDialectGuessed = false;
  readonly #settings = new CachedValue({
    read: () => this.#readSettings(),
    cachedForMs: () => (this.#isDialectGuessed ? 0 : SETTINGS_CACHED_MS),
    isTransient,
  });

  /**
   * @param dialect the dialect that the caller expects. It is used if the fleet declares none and has no record yet;
   * otherwise `settings` rejects if the fleet's dialect is another one
   */
  constructor(requests: Requests, namespace: string | undefined, dialect: Dialect | undefined) {
    this.#requests = requests;
    // Records are read only if the fleet declares no dialect. Such a fleet is not partitioned, because `devstate init`
    // declares both, so its keys have no partition number.
    this.#keys = new Keyspace(namespace);
    this.#dialect = dialect;
  }

  /**
   * Returns the settings in the hash `devices:meta`, or their defaults.
   * @throws DevstateError CONNECTION, BAD_RECORD
   */
  declared(): Promise<DeclaredSettings> {
    return this.#declared.get();
  }

  /**
   * Returns the settings in the hash `devices:meta`, or their defaults, and always a dialect. If the hash declares
   * none, it is the one the caller expects, else that of most records in a sample, else `node`.
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
    const { redis } = this.#requests;
    return parseDeclaredSettings(
      await this.#requests.send(() => redis.hmget(this.#keys.meta, ...SETTING_FIELDS)),
    );
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

  /** Returns the dialects found in a sample of the fleet's records, the most frequent first; [] without records. */
  async #sampleDialects(): Promise<Dialect[]> {
    const ids = await this.#sampleIds();
    if (ids.length === 0) return [];
    const fields = DIALECTS.map((dialect) => fieldName(dialect, 'id'));
    const records = await this.#requests.sendMany(
      ids.map((id) => ['hmget', this.#keys.state(id), ...fields]),
      this.#keys.registered,
    );
    // If the key of a record does not hold a hash, its reply is an error instead of an array, and the record is not
    // counted.
    const count = (field: number) =>
      records.filter((values) => Array.isArray(values) && values[field] !== null).length;
    return DIALECTS.map((dialect, field) => ({ dialect, count: count(field) }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count)
      .map(({ dialect }) => dialect);
  }

  async #sampleIds(): Promise<string[]> {
    const { redis } = this.#requests;
    try {
      return await this.#requests.send(() => redis.srandmember(this.#keys.registered, SAMPLE_SIZE));
    } catch (error) {
      if (!isDenied(error)) throw error;
      // The user may not read the set of registered ids, so there is no sample of records. It is not needed if the
      // caller gives the dialect.
      if (this.#dialect !== undefined) return [];
      throw new DevstateError('CONNECTION', error.message, { reason: 'DIALECT_UNKNOWN', cause: error });
    }
  }
}
