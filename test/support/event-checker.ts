/**
 * Follows the presence feed of a fleet while a test breaks things, and compares it with the logs at the end: each
 * transition is told once and in order, and the events of a device alternate from its registration on.
 */
import { onTestFinished } from 'vitest';
import type { PresenceEvent } from '../../src/core/model/presence-event.js';
import type { Fleet } from '../../src/core/store/fleet.js';
import { wholeLog, withoutPositions } from './chaos/event-ids.js';
import { findSequenceError } from './chaos/log-checker.js';
import type { OpenDetector } from './detector.js';
import { type OpenFeed, openFeed, until } from './fleet.js';

export class EventChecker {
  readonly #feed: OpenFeed;
  readonly #log: Fleet;
  /** The ids of the events that were logged before the feed began. */
  readonly #earlier: ReadonlySet<string>;

  private constructor(feed: OpenFeed, log: Fleet, earlier: ReadonlySet<string>) {
    this.#feed = feed;
    this.#log = log;
    this.#earlier = earlier;
  }

  /**
   * Begins to follow a fleet.
   * @param log the same fleet on a connection that nothing disturbs, to read the logs with
   */
  static async start(fleet: Fleet, log: Fleet = fleet): Promise<EventChecker> {
    const earlier = await wholeLog(log);
    const feed = await openFeed(fleet);
    onTestFinished(() => feed.stop());
    return new EventChecker(feed, log, new Set(earlier.map(({ id }) => id as string)));
  }

  /** The events of the feed so far. */
  get events(): readonly PresenceEvent[] {
    return this.#feed.events;
  }

  /**
   * Waits until the feed has told all that is logged, and stops it. No event may be logged meanwhile.
   * @param detectors those that ran: no two of them, and none twice, may have announced an event
   * @returns the events in the logs
   * @throws Error: an event is missing, doubled, invented or out of order
   */
  async check(detectors: readonly OpenDetector[] = []): Promise<PresenceEvent[]> {
    const log = await wholeLog(this.#log);
    const logged = log.filter(({ id }) => !this.#earlier.has(id as string));
    await until(() => this.#feed.events.length >= logged.length);
    await this.#feed.stop();
    const announced = detectors.flatMap(({ events }) => events);
    const error =
      findFeedError(this.#feed.events, logged) ??
      findLogError(log) ??
      (hasDoubles(announced) ? 'two detectors announced an event' : undefined);
    if (error) throw new Error(error);
    return log;
  }
}

/** Returns how a feed differs from the log: the order is that of each partition; undefined: it does not. */
export function findFeedError(
  told: readonly PresenceEvent[],
  logged: readonly PresenceEvent[],
): string | undefined {
  const [tolds, loggeds] = [byPartition(told), byPartition(logged)];
  for (const partition of new Set([...tolds.keys(), ...loggeds.keys()])) {
    const [inFeed, inLog] = [tolds.get(partition) ?? [], loggeds.get(partition) ?? []];
    const at = Array.from({ length: Math.max(inFeed.length, inLog.length) }).findIndex(
      (_, i) => inFeed[i] !== inLog[i],
    );
    if (at !== -1) return `event ${at + 1} of the feed is ${inFeed[at]}, in the log ${inLog[at]}`;
  }
  return undefined;
}

/** Returns what is wrong with the events of a device, whose `seq` begins again with each registration. */
export function findLogError(log: readonly PresenceEvent[]): string | undefined {
  for (const [id, events] of grouped(log, ({ deviceId }) => deviceId)) {
    const starts = events.flatMap(({ seq }, i) => (i === 0 || seq === 1 ? [i] : []));
    for (const [number, start] of starts.entries()) {
      const error = findSequenceError(events.slice(start, starts[number + 1]));
      if (error) return `${id}, registration ${number + 1}: ${error}`;
    }
  }
  return undefined;
}

function hasDoubles(events: readonly PresenceEvent[]): boolean {
  return new Set(events.map(idOf)).size < events.length;
}

/** Returns the events of each partition, in order, as texts. */
function byPartition(events: readonly PresenceEvent[]): Map<string, string[]> {
  const texts = events.map((event) => {
    const { deviceId, seq, status, reason } = event;
    return `${idOf(event)} ${deviceId} ${seq} ${status} ${reason}`;
  });
  return grouped(texts, (text) => /^\S+@(\d+) /.exec(text)?.[1] ?? '');
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

function idOf({ id }: PresenceEvent): string {
  return withoutPositions(id as string);
}
