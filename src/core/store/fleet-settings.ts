/**
 * Reads the settings of a fleet: the hash `devices:meta`, and the dialect that the fleet's records are written in. Both
 * are read at first use and cached, because every script needs them. If the server of the hash is down, the last
 * settings are used, so that other partitions keep working.
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

/** Settings are read again after this time, because `devstate init` may have changed them. */
const SETTINGS_CACHED_MS = 60_000;
/** How many records are read to find the dialect of a fleet that declares none. */
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
  /** Whether the fleet declares no dialect and has no record yet. Then the next caller reads again. */
  #isDialectGuessed = false;
  readonly #settings = new CachedValue({
    read: () => this.#readSettings(),
    cachedForMs: () => (this.#isDialectGuessed ? 0 : SETTINGS_CACHED_MS),
    isTransient,
  });

  /** @param dialect the dialect that the caller expects; it decides if the fleet declares none and has no record */
  constructor(requests: Requests, namespace: string | undefined, dialect: Dialect | undefined) {
    this.#requests = requests;
    // Records are read only if the fleet declares nothing. Such a fleet is not partitioned, so these are its keys.
    this.#keys = new Keyspace(namespace);
    this.#dialect = dialect;
  }

  /** Returns the fields of `devices:meta`. @throws DevstateError CONNECTION, BAD_RECORD */
  declared(): Promise<DeclaredSettings> {
    return this.#declared.get();
  }

  /**
   * Returns the same settings with a dialect.
   * @throws DevstateError CONNECTION, BAD_RECORD; USAGE if the caller's dialect is not the fleet's
   */
  settings(): Promise<FleetSettings> {
    return this.#settings.get();
  }

  /** The next call reads the settings again. */
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

  /** Returns the dialects of a sample of records, the most frequent first; none if the fleet has no record. */
  async #sampleDialects(): Promise<Dialect[]> {
    const ids = await this.#sampleIds();
    if (ids.length === 0) return [];
    const fields = DIALECTS.map((dialect) => fieldName(dialect, 'id'));
    const records = await this.#requests.sendMany(
      ids.map((id) => ['hmget', this.#keys.state(id), ...fields]),
      this.#keys.registered,
    );
    // The reply for a key that is not a hash is an error instead of an array; such a record is not counted.
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
      // If the caller gives the dialect, the sample is not needed, and so no permission to read the set.
      if (this.#dialect !== undefined) return [];
      throw new DevstateError('CONNECTION', error.message, { reason: 'DIALECT_UNKNOWN', cause: error });
    }
  }
}
