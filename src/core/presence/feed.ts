/**
 * The presence feed: returns every transition of a device once and in order, also across lost connections.
 * Devstate's own events are read from the logs. Devstate also publishes each of them on the presence channel, in a
 * message that carries `seq` and makes the feed read the log at once. All logs are also read every second, in case a
 * message was lost. A message without `seq` is an event of another program, which is in no log: the feed returns
 * the message itself. In a fleet that keeps no log, it returns every message.
 * Must hold: the channel is subscribed before the ends of the logs are read, so that no event is missed. A feed
 * that continues after the id of an event returns every logged event that the earlier feed had not returned yet when
 * it gave that id.
 */

import { WakeSignal } from '../async/wake-signal.js';
import type { DevstateError } from '../model/errors.js';
import { decodePresenceMessage, isOwnMessage, type PresenceEvent } from '../model/presence-event.js';
import { type OutageListener, OutageNotice } from '../pubsub/outage-notice.js';
import { subscribe } from '../pubsub/subscribe.js';
import type { Subscription } from '../pubsub/subscription.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { assertPartitionCount } from '../store/partition-count.js';
import { partitionNumber } from '../store/partition-number.js';
import { isTransient, mostSevere } from '../store/redis-errors.js';
import { ForeignEvents } from './foreign-events.js';
import type { Gap, Since } from './log-reader.js';
import { MergedLog } from './merged-log.js';

export interface FeedOptions extends OutageListener {
  /**
   * The event or the time after which the feed starts: it first returns the events that were logged since then.
   * Not given: the feed returns only events that happen from now on.
   */
  since?: Since;
  /** Ends the feed when it aborts. */
  signal?: AbortSignal;
  /**
   * Called once, when the events logged before the start have been returned: from then on the feed returns events as
   * they happen. A log that cannot be read at that time does not delay this call.
   */
  onReady?: () => void;
  /**
   * Called when the feed finds that the fleet keeps no log (`logCap` 0). The feed then returns events as they are
   * published, without ids; those that were published before it started, or during an outage, are missing.
   */
  onNoLog?: () => void;
  /** Called when events were deleted from a log, which has a maximum length, before the feed could read them. */
  onGap?: (gap: Gap) => void;
  /**
   * Called with the number of events that were dropped because the consumer is too slow. Only events that programs
   * other than devstate published are dropped: devstate's own events stay in the log until they are read.
   */
  onDropped?: (count: number) => void;
}

/**
 * The time between two reads of all logs, ms. A message on the presence channel makes the feed read a log sooner; if
 * the message is lost, its event is returned later by at most this time.
 */
const POLL_INTERVAL_MS = 1000;

/**
 * Returns presence events as they happen, until the signal aborts or the consumer stops. Once a log has been read, a
 * lost connection does not end the feed: the loss is reported to `onLost`, and the feed continues when the
 * connection is back.
 * @throws DevstateError USAGE: `since` is not an event id of this fleet, or not a time; CONNECTION: no log can be read
 *   at the start, or permission is denied; BAD_RECORD: a key does not hold what devstate stores; CONFLICT: the
 *   number of partitions was changed
 */
export async function* presenceFeed(fleet: Fleet, options: FeedOptions = {}): AsyncGenerator<PresenceEvent> {
  const wakeSignal = new WakeSignal(options.signal);
  try {
    const partitions = await wakeSignal.orAborted(fleet.partitions());
    if (partitions) yield* new Feed(fleet, partitions, options, wakeSignal).run();
  } finally {
    wakeSignal.close();
  }
}

/**
 * The states of a feed:
 * - starting: no log has been read; a connection error ends the feed
 * - replaying: at least one log has been read; connection errors are retried and reported
 * - live: the events that were logged before the start have been returned, and `onReady` was called
 */
type FeedState = 'starting' | 'replaying' | 'live';

class Feed {
  readonly #fleet: Fleet;
  readonly #partitionCount: number;
  readonly #options: FeedOptions;
  readonly #wakeSignal: WakeSignal;
  readonly #logs: MergedLog;
  readonly #outage: OutageNotice;
  readonly #foreign = new ForeignEvents();
  #state: FeedState = 'starting';
  /** False: the fleet keeps no log, so devstate's own events are taken from their messages too. */
  #keepsLog = true;
  /** The error of a lost subscription or of a log that cannot be read, until it is reported to `onLost`. */
  #unreported: DevstateError | undefined;
  /** When all logs are to be read again, ms on the clock of `performance.now()`. */
  #nextPollAt = 0;

  constructor(fleet: Fleet, partitions: readonly Partition[], options: FeedOptions, wakeSignal: WakeSignal) {
    this.#fleet = fleet;
    this.#partitionCount = partitions.length;
    this.#options = options;
    this.#wakeSignal = wakeSignal;
    this.#logs = new MergedLog(partitions, options.onGap, () => wakeSignal.wake());
    this.#outage = new OutageNotice(options);
  }

  async *run(): AsyncGenerator<PresenceEvent> {
    const wakeSignal = this.#wakeSignal;
    const subscription = this.#subscribe();
    try {
      await wakeSignal.orAborted(subscription.ready);
      await wakeSignal.orAborted(this.#logs.open(this.#options.since));
      while (!wakeSignal.isStopped) {
        await wakeSignal.orAborted(this.#noteLogCap());
        this.#pollWhenDue();
        const failures = await wakeSignal.orAborted(this.#logs.readNew());
        yield* this.#untilStopped(this.#logs.events());
        if (!failures || wakeSignal.isStopped) return;
        const canReadAll = this.#handleFailures(failures);
        if (this.#logs.hasMore) continue;
        await wakeSignal.orAborted(assertPartitionCount(this.#fleet, this.#partitionCount));
        this.#reportOutage(subscription, canReadAll);
        this.#becomeLive();
        this.#reportDropped();
        yield* this.#untilStopped((await wakeSignal.orAborted(this.#foreign.take(this.#fleet))) ?? []);
        await wakeSignal.wait(Math.max(0, this.#nextPollAt - performance.now()));
      }
    } finally {
      subscription.close();
    }
  }

  #subscribe(): Subscription {
    return subscribe(this.#fleet, this.#fleet.keys.presenceChannel, {
      onMessage: (message) => {
        if (this.#keepsLog && isOwnMessage(message))
          this.#logs.markChanged(partitionOf(message, this.#partitionCount));
        else {
          const event = decodePresenceMessage(message);
          if (event) this.#foreign.add(event);
        }
        this.#wakeSignal.wake();
      },
      onLost: (error) => {
        this.#unreported = error;
        this.#wakeSignal.wake();
      },
      onResumed: () => {
        if (this.#keepsLog) this.#logs.markChanged();
        this.#wakeSignal.wake();
      },
    });
  }

  /** Finds out, from the settings, whether the fleet keeps a log. */
  async #noteLogCap(): Promise<void> {
    try {
      const keepsLog = (await this.#fleet.declared()).logCap > 0;
      if (this.#keepsLog && !keepsLog) this.#options.onNoLog?.();
      this.#keepsLog = keepsLog;
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
  }

  #pollWhenDue(): void {
    if (performance.now() < this.#nextPollAt) return;
    if (this.#keepsLog || this.#state === 'starting') this.#logs.markChanged();
    this.#nextPollAt = performance.now() + POLL_INTERVAL_MS;
  }

  /**
   * Handles the errors of logs that cannot be read. It throws, which ends the feed, if no log has been read since the
   * start or the cause will not pass; else it keeps an error, which is then reported as an outage.
   * @param failures the errors of the logs that cannot be read
   * @returns whether every log can be read
   */
  #handleFailures(failures: readonly unknown[]): boolean {
    if (this.#state === 'starting' && failures.length < this.#partitionCount) this.#state = 'replaying';
    const failure = mostSevere(failures);
    if (failure === undefined) return true;
    if (this.#state === 'starting' || !isTransient(failure)) throw failure;
    this.#unreported ??= failure;
    return false;
  }

  #reportOutage({ lost }: Subscription, canReadAll: boolean): void {
    if (lost && !isTransient(lost)) throw lost;
    if (this.#unreported) this.#outage.begin(this.#unreported);
    this.#unreported = undefined;
    if (canReadAll && !lost) this.#outage.end();
  }

  #becomeLive(): void {
    if (this.#state === 'live') return;
    this.#options.onReady?.();
    this.#state = 'live';
  }

  #reportDropped(): void {
    const dropped = this.#foreign.takeDropped();
    if (dropped > 0) this.#options.onDropped?.(dropped);
  }

  *#untilStopped(events: Iterable<PresenceEvent>): Generator<PresenceEvent> {
    for (const event of events) {
      if (this.#wakeSignal.isStopped) return;
      yield event;
    }
  }
}

/** Returns the number of the partition whose log has the event of a message that devstate published. */
function partitionOf(message: string, count: number): number {
  const id = count === 1 ? undefined : decodePresenceMessage(message)?.deviceId;
  return id === undefined ? 0 : partitionNumber(id, count);
}
