/**
 * The strategy `keyspace`: learns of expired heartbeat keys from the expired events of every server of the
 * fleet. A server sends them only if its option `notify-keyspace-events` has the flags E and x. This strategy
 * sets both flags at its start and after each lost connection, because a server that restarted or became a
 * master may not have them. While the flags are not set, and if CONFIG is refused, the detector uses the index.
 */
import type { Redis } from 'ioredis';
import { onEvent } from '../async/shared-listener.js';
import type { DevstateError } from '../model/errors.js';
import { isOverlong } from '../model/identifiers.js';
import { subscribeEverywhere } from '../pubsub/subscribe.js';
import type { Subscription } from '../pubsub/subscription.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { isTransient, toDevstateError } from '../store/redis-errors.js';
import type { Poller, SuspectListener, SuspectSource } from './suspect-source.js';

export class KeyspaceEvents implements SuspectSource {
  readonly ready: Promise<void>;
  readonly #fleet: Fleet;
  readonly #prefixes: readonly string[];
  readonly #listener: SuspectListener;
  readonly #notice: (message: string) => void;
  /**
   * Whether the servers send expired events. `unset`: not all do, because the flags are not set yet or a connection was
   * lost; `set`: all do; `refused`: a server refuses CONFIG, so the flags cannot be set.
   */
  #flags: 'unset' | 'set' | 'refused' = 'unset';
  #subscription: Subscription | undefined;
  #isClosed = false;
  readonly #stopListening: () => void;

  /** Starts to set the servers' flags and to subscribe to expired events; the caller must call `close`. */
  constructor(
    fleet: Fleet,
    partitions: readonly Partition[],
    listener: SuspectListener,
    notice: (message: string) => void,
  ) {
    this.#fleet = fleet;
    this.#prefixes = partitions.map(({ keys }) => keys.heartbeat(''));
    this.#listener = listener;
    this.#notice = notice;
    // After a lost connection the flags are set again. That needs the connection for commands, which may come back
    // later than the subscription, so the flags are set when either of the two is back.
    this.#stopListening = onEvent(fleet.redis, 'ready', this.#setFlagsAgain);
    this.ready = this.#open();
    this.ready.catch(() => {}); // The caller may await `ready` later; until then Node must not report a rejection.
  }

  get usesIndex(): boolean {
    return this.#flags !== 'set';
  }

  get lost(): DevstateError | undefined {
    return this.#subscription?.lost;
  }

  pollers(): readonly Poller[] {
    return [];
  }

  close(): void {
    this.#isClosed = true;
    this.#stopListening();
    this.#subscription?.close();
  }

  async #open(): Promise<void> {
    await this.#setFlags();
    if (this.#isClosed || this.#flags === 'refused') return;
    const db = this.#fleet.redis.options.db ?? 0;
    this.#subscription = subscribeEverywhere(this.#fleet, `__keyevent@${db}__:expired`, {
      onMessage: (key) => this.#onExpired(key),
      onLost: (error) => this.#listener.onLost(error),
      onResumed: this.#setFlagsAgain,
    });
    await this.#subscription.ready;
  }

  #onExpired(key: string): void {
    const prefix = this.#prefixes.find((each) => key.startsWith(each));
    if (prefix !== undefined && !isOverlong(key)) this.#listener.onSuspect(key.slice(prefix.length));
  }

  async #setFlags(): Promise<void> {
    try {
      await Promise.all(
        this.#fleet.servers().map((server) => this.#fleet.send(() => enableExpiredEvents(server))),
      );
      this.#flags = 'set';
    } catch (error) {
      // If the connection was lost, nothing is reported here: the subscription reports the loss, and the flags are set
      // again when the connection is back. If CONFIG was refused, the operator is told that the index is used instead.
      this.#flags = isTransient(error) ? 'unset' : 'refused';
      if (this.#flags === 'refused')
        this.#notice(
          `keyspace events are not available (${toDevstateError(error).message}); using deadlines only`,
        );
    }
  }

  /**
   * Sets the flags after a lost connection, and only then reports that events arrive again: as long as a server lacks
   * the flags, it sends no expired events, so devices would be missed.
   */
  readonly #setFlagsAgain = (): void => {
    if (this.#subscription) void this.#setFlags().then(() => this.#listener.onResumed());
  };
}

/**
 * Adds the flags E and x, which expired events need, to the flags of a server. If the flag A is set, x is not added: A
 * includes it.
 */
async function enableExpiredEvents(redis: Redis): Promise<void> {
  const { sendToServer } = await import('../store/send-to-server.js'); // loads ioredis, which `--help` must not
  const [, flags = ''] = (await sendToServer(redis, ['config', 'GET', 'notify-keyspace-events'])).reply;
  const missing = ['E', 'x'].filter(
    (flag) => !flags.includes(flag) && !(flag === 'x' && flags.includes('A')),
  );
  if (missing.length > 0)
    await sendToServer(redis, ['config', 'SET', 'notify-keyspace-events', flags + missing.join('')]);
}
