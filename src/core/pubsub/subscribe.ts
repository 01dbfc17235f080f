/** Who hears a channel of a fleet, on connections that end with the fleet's. */

import type { Fleet } from '../store/fleet.js';
import {
  subscribeAtAnyMaster,
  subscribeAtEveryMaster,
  subscribeWhenMastersKnown,
} from './cluster-subscription.js';
import {
  MANUAL_RESUBSCRIBE,
  type OwnedSubscription,
  type Subscription,
  type SubscriptionListener,
  subscribeOn,
} from './subscription.js';

export type { Subscription, SubscriptionListener } from './subscription.js';

/** In a cluster at one of its masters, for each passes on what is published to all. */
export function subscribe(fleet: Fleet, channel: string, hearer: SubscriptionListener): Subscription {
  const { cluster, redis } = fleet;
  const ear = cluster
    ? subscribeWhenMastersKnown(fleet, (first) =>
        subscribeAtAnyMaster(fleet, cluster, channel, hearer, first),
      )
    : subscribeOn(fleet, redis.duplicate(MANUAL_RESUBSCRIBE), channel, hearer);
  return endingWith(fleet, ear);
}

/**
 * In a cluster at every master, as they come and go: for keyspace events, which one of them says.
 * Of a master that joins, or hangs until another has its place, `onBack` alone is told.
 */
export function subscribeEverywhere(
  fleet: Fleet,
  channel: string,
  hearer: SubscriptionListener,
): Subscription {
  const { cluster } = fleet;
  if (!cluster) return subscribe(fleet, channel, hearer);
  const ear = subscribeWhenMastersKnown(fleet, () => subscribeAtEveryMaster(fleet, cluster, channel, hearer));
  return endingWith(fleet, ear);
}

function endingWith({ redis }: Fleet, ear: OwnedSubscription): Subscription {
  redis.once('end', ear.end);
  return {
    ready: ear.ready,
    get lost() {
      return ear.lost;
    },
    close() {
      redis.off('end', ear.end);
      ear.close();
    },
  };
}
