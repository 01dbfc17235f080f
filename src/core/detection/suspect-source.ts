/**
 * What finds suspects: devices that may have to be settled although the index does not say that they are due.
 * A source only names devices; the settle script decides whether a device is online or offline.
 */
import type { Subscription, SubscriptionListener } from '../pubsub/subscription.js';
import type { Partition } from '../store/partition.js';

/** Goes through devices of a partition, some at a time, to find those that have to be settled. */
export interface Poller {
  /**
   * Returns the ids of the devices to settle now; none if the next ones are not due yet.
   * @throws DevstateError CONNECTION, BAD_RECORD
   */
  next(): Promise<string[]>;
  /** Returns the time until `next` returns ids again, ms. */
  msUntilNext(): number;
}

/** The source of suspects of one strategy. Its subscription, if it has one, names them to a `SuspectListener`. */
export interface SuspectSource extends Subscription {
  /** True: devices that are due by the index are settled too. False: the strategy finds all of them by itself. */
  readonly usesIndex: boolean;
  pollers(partition: Partition): readonly Poller[];
}

export interface SuspectListener extends Pick<SubscriptionListener, 'onLost' | 'onResumed'> {
  onSuspect(id: string): void;
}

/** The source of the strategy `deadline`: it names no suspects, because this strategy settles what the index names. */
export const INDEX_ONLY: SuspectSource = {
  usesIndex: true,
  ready: Promise.resolve(),
  lost: undefined,
  pollers: () => [],
  close() {},
};
