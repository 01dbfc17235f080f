/**
 * Every Redis key and channel of a fleet. No other file builds their names. In the table, P is the prefix of the keys
 * of a partition: the namespace (`acme:`), then `{n}:` if the fleet has several partitions. N is the namespace alone.
 *
 *   Pdevice:state:<id>            hash    the record: the fields of model/dialect.ts, and `devstate` with seven
 *                                         numbers (model/device-decoder.ts)
 *   Pdevice:heartbeat:<id>        string  exists as long as the device is online; expires by its TTL
 *   Pdevice:fence:<id>            string  exists while a heartbeat of a device with a login of its own is being
 *                                         written; the write must be done before it expires
 *   Pdevices:registered           set     every registered id
 *   Pdevices:online               set     the ids announced online; may lag behind the heartbeat keys
 *   Pdevices:type:<type>          set     the ids of a type; may hold devices of another type: the record decides
 *   Pdevices:types                set     the types
 *   Pdevices:activity             zset    "the index": the registered ids that devstate has written or settled, in an
 *                                         exclusive fleet all of them. score > 0: online, the deadline in ms;
 *                                         score <= 0: offline, minus last seen in ms (0: never seen)
 *   Pdevices:presence:log         stream  the presence events (model/presence-event.ts)
 *   Pdevice:history:<kind>:<id>   list    the changes of a document or of the presence, oldest first
 *                                         (store/lua/include/history.lua)
 *   Pdevices:pulse                string  when heartbeats and detectors last came, and the last outage
 *                                         (store/lua/include/pulse.lua)
 *   Pdevices:layout               string  how many partitions the fleet has, as `devstate init` wrote it last; the
 *                                         scripts for devices compare it (store/lua/include/layout.lua)
 *   Ndevices:meta                 hash    the settings of the fleet (store/settings.ts): partitions, dialect, writers,
 *                                         longestTtl, foundTtl, logCap, reportedCap, desiredCap, presenceCap, historyCap,
 *                                         deviceLogins, hold; and the version of the layout
 *
 *   Ndevices:presence             channel the presence events
 *   Ndevice:<id>:commands         channel the new desired document of one device, after each change
 *
 * A device id may contain any printable character, also `:` and braces. To find the device id in a key, remove the
 * key's known prefix; do not split the key at `:`, because that would cut such an id.
 */

/** The kinds of changes that a device has a history of, each a list of its own. */
export const HISTORY_KINDS = ['reported', 'desired', 'presence'] as const;
export type HistoryKind = (typeof HISTORY_KINDS)[number];

/** The key and the channels that belong to no partition: the whole fleet has them once. */
export interface SharedKeys {
  readonly meta: string;
  readonly presenceChannel: string;
  commandsChannel(id: string): string;
}

/** The keys of one partition, and the key and the channels that the whole fleet has once. */
export class Keyspace implements SharedKeys {
  readonly registered: string;
  readonly online: string;
  readonly types: string;
  readonly activity: string;
  readonly log: string;
  readonly pulse: string;
  readonly layout: string;
  readonly meta: string;
  readonly presenceChannel: string;
  readonly #prefix: string;
  readonly #namespace: string;

  /**
   * @param namespace `acme` puts `acme:` before every key and channel
   * @param partition the number of the partition, or a glob pattern of numbers, for the key patterns of an ACL;
   * undefined: the fleet is not partitioned
   */
  constructor(namespace = '', partition?: number | string) {
    this.#namespace = namespace === '' ? '' : `${namespace}:`;
    const prefix = partition === undefined ? this.#namespace : `${this.#namespace}{${partition}}:`;
    this.#prefix = prefix;
    this.registered = `${prefix}devices:registered`;
    this.online = `${prefix}devices:online`;
    this.types = `${prefix}devices:types`;
    this.activity = `${prefix}devices:activity`;
    this.log = `${prefix}devices:presence:log`;
    this.pulse = `${prefix}devices:pulse`;
    this.layout = `${prefix}devices:layout`;
    this.meta = `${this.#namespace}devices:meta`;
    this.presenceChannel = `${this.#namespace}devices:presence`;
  }

  state(id: string): string {
    return `${this.#prefix}device:state:${id}`;
  }

  heartbeat(id: string): string {
    return `${this.#prefix}device:heartbeat:${id}`;
  }

  fence(id: string): string {
    return `${this.#prefix}device:fence:${id}`;
  }

  type(type: string): string {
    return `${this.#prefix}devices:type:${type}`;
  }

  history(kind: HistoryKind, id: string): string {
    return `${this.#prefix}device:history:${kind}:${id}`;
  }

  commandsChannel(id: string): string {
    return `${this.#namespace}device:${id}:commands`;
  }
}
