/** Subscribes to a channel of a fleet, on connections that are closed when the fleet's connection is. */
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

/**
 * Subscribes to what is published with PUBLISH. In a cluster one master is enough, because each
 * passes on what is published on any of them. The caller closes the subscription.
 */
export function subscribe(fleet: Fleet, channel: string, listener: SubscriptionListener): Subscription {
  const { cluster, redis } = fleet;
  const subscription = cluster
    ? subscribeWhenMastersKnown(fleet, (master) =>
        subscribeAtAnyMaster(fleet, cluster, channel, listener, master),
      )
    : subscribeOn(fleet, redis.duplicate(MANUAL_RESUBSCRIBE), channel, listener);
  return endingWithFleet(fleet, subscription);
}

/**
 * Subscribes on every master of a cluster: keyspace events are published on the server of the key only.
 * When a master joins the cluster or replaces one that hangs, only `onBack` is called, and no `onLost`
 * before it. The caller closes the subscription.
 */
export function subscribeEverywhere(
  fleet: Fleet,
  channel: string,
  listener: SubscriptionListener,
): Subscription {
  const { cluster } = fleet;
  if (!cluster) return subscribe(fleet, channel, listener);
  const subscription = subscribeWhenMastersKnown(fleet, () =>
    subscribeAtEveryMaster(fleet, cluster, channel, listener),
  );
  return endingWithFleet(fleet, subscription);
}

/** Disconnects the subscription when the connection of the fleet ends. */
function endingWithFleet({ redis }: Fleet, subscription: OwnedSubscription): Subscription {
  redis.once('end', subscription.disconnect);
  return {
    ready: subscription.ready,
    get lost() {
      return subscription.lost;
    },
    close() {
      redis.off('end', subscription.disconnect);
      subscription.close();
    },
  };
}
