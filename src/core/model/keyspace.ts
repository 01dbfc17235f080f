/**
 * Every key and channel of a fleet, built here and nowhere else.
 *
 *   device:state:<id>            hash    the record (core/model/dialect.ts)
 *   device:heartbeat:<id>        string  alive while it exists; TTL
 *   devices:registered           set     every registered id
 *   devices:online               set     ids announced online; may lag the heartbeat key
 *   devices:type:<type>          set     ids of that type; may be stale, the record decides
 *   devices:types                set     the types there are
 *   devices:activity             zset    every registered id; score > 0: online, the deadline in ms;
 *                                        score <= 0: offline, minus last seen in ms
 *   devices:presence:log         stream  every presence event
 *   device:history:<kind>:<id>   list    what changed and when
 *   devices:pulse                string  last contact, last detector step, hold until
 *   devices:meta                 hash    settings of the fleet; not part of a partition
 *
 *   devices:presence             channel presence events
 *   device:<id>:commands         channel state updates for one device
 *
 * The namespace comes before all of them, and in a partitioned fleet `{n}:` after it,
 * except for `devices:meta` and the channels, which are the whole fleet's.
 *
 * An id may hold anything printable, `:` and braces too: a key is never split to find an
 * id, its known prefix is stripped.
 */

export type HistoryKind = 'reported' | 'desired' | 'presence';

/** The key and the channels that the whole fleet shares. */
export interface FleetKeys {
  readonly meta: string;
  readonly presenceChannel: string;
  commandsChannel(id: string): string;
}

/** The keys of one partition, and those of the whole fleet. */
export class Keyspace implements FleetKeys {
  readonly registered: string;
  readonly online: string;
  readonly types: string;
  readonly activity: string;
  readonly log: string;
  readonly pulse: string;
  readonly meta: string;
  readonly presenceChannel: string;
  readonly #prefix: string;
  readonly #namespace: string;

  /**
   * @param namespace `acme` puts `acme:` before every key and channel
   * @param partition its number, for a part of the fleet's keys; or a pattern for the numbers of all
   */
  constructor(namespace = '', partition?: number | string | undefined) {
    this.#namespace = namespace === '' ? '' : `${namespace}:`;
    const prefix = partition === undefined ? this.#namespace : `${this.#namespace}{${partition}}:`;
    this.#prefix = prefix;
    this.registered = `${prefix}devices:registered`;
    this.online = `${prefix}devices:online`;
    this.types = `${prefix}devices:types`;
    this.activity = `${prefix}devices:activity`;
    this.log = `${prefix}devices:presence:log`;
    this.pulse = `${prefix}devices:pulse`;
    this.meta = `${this.#namespace}devices:meta`;
    this.presenceChannel = `${this.#namespace}devices:presence`;
  }

  state(id: string): string {
    return `${this.#prefix}device:state:${id}`;
  }

  heartbeat(id: string): string {
    return `${this.#prefix}device:heartbeat:${id}`;
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
