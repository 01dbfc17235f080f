/**
 * The settings of a fleet: `devices:meta`, and the dialect that the fleet's records are written in.
 * Both are read at first use and cached, because every script needs them.
 */
import { CachedValue } from '../async/cached-value.js';
import type { Dialect } from '../model/device.js';
import { fieldName } from '../model/dialect.js';
import { DevstateError } from '../model/errors.js';
import { Keyspace } from '../model/keyspace.js';
import { isDenied } from './redis-errors.js';
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
  readonly #declared = new CachedValue(
    () => this.#readDeclared(),
    () => SETTINGS_CACHED_MS,
  );
  /** No record told the dialect yet: the next caller reads again. */
  #isDialectGuessed = false;
  readonly #settings = new CachedValue(
    () => this.#readSettings(),
    () => (this.#isDialectGuessed ? 0 : SETTINGS_CACHED_MS),
  );

  /** @param dialect what the caller says the dialect is; used where the fleet has no record yet */
  constructor(requests: Requests, namespace: string | undefined, dialect: Dialect | undefined) {
    this.#requests = requests;
    // An undeclared fleet is not partitioned, so these are the keys of its records.
    this.#keys = new Keyspace(namespace);
    this.#dialect = dialect;
  }

  /** The fields of `devices:meta`. @throws DevstateError CONNECTION, BAD_RECORD */
  declared(): Promise<DeclaredSettings> {
    return this.#declared.get();
  }

  /**
   * The same with the dialect resolved.
   * @throws DevstateError CONNECTION, BAD_RECORD; USAGE if the caller's dialect is not the fleet's
   */
  settings(): Promise<FleetSettings> {
    return this.#settings.get();
  }

  /** The next call reads again. */
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
    const asked = this.#dialect;
    const found = declared.dialect === undefined ? await this.#sampleDialects() : [declared.dialect];
    if (asked !== undefined && found.length > 0 && !found.includes(asked))
      throw new DevstateError('USAGE', `this fleet's dialect is ${found[0]}, not ${asked}`, {
        reason: 'DIALECT_MISMATCH',
      });
    const dialect = asked ?? found[0];
    this.#isDialectGuessed = dialect === undefined;
    return { ...declared, dialect: dialect ?? 'node' };
  }

  /** The dialects found in a sample of records, the most frequent first. */
  async #sampleDialects(): Promise<Dialect[]> {
    const ids = await this.#sampleIds();
    if (ids.length === 0) return [];
    const fields = DIALECTS.map((dialect) => fieldName(dialect, 'id'));
    const records = await this.#requests.sendMany(
      ids.map((id) => ['hmget', this.#keys.state(id), ...fields]),
      this.#keys.registered,
    );
    // A key that is no hash gives an error instead of an array: it tells no dialect.
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
      // A user who gives the dialect needs no permission to read the set.
      if (this.#dialect !== undefined) return [];
      throw new DevstateError('CONNECTION', error.message, { reason: 'DIALECT_UNKNOWN', cause: error });
    }
  }
}
