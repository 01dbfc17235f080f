/**
 * What finds suspects: devices that may have to be settled although the index does not name them.
 * A source only names devices; whether a device is online or offline is decided by the settle script.
 */
import type { Subscription, SubscriptionListener } from '../pubsub/subscription.js';
import type { Partition } from '../store/partition.js';

/** Goes through devices of a partition, some at a time. */
export interface Poller {
  /** Returns the ids to settle now; none if it is not time yet. @throws DevstateError CONNECTION, BAD_RECORD */
  next(): Promise<string[]>;
  /** The time until `next` returns ids again, ms. */
  msUntilNext(): number;
}

/** The source of a strategy. Its subscription, if it has one, names suspects to a `SuspectListener`. */
export interface SuspectSource extends Subscription {
  /** Whether devices that are due by the index are settled too. */
  readonly usesIndex: boolean;
  pollers(partition: Partition): readonly Poller[];
}

export interface SuspectListener extends Pick<SubscriptionListener, 'onLost' | 'onBack'> {
  onSuspect(id: string): void;
}

/** The source of the strategy `deadline`: it names no suspects, the index is enough. */
export const INDEX_ONLY: SuspectSource = {
  usesIndex: true,
  ready: Promise.resolve(),
  lost: undefined,
  pollers: () => [],
  close() {},
};
