/** Subscribes to a Redis channel, on connections of its own, which are closed when the fleet's connection is closed. */
import { onEvent } from '../async/shared-listener.js';
import type { Fleet } from '../store/fleet.js';
import {
  subscribeAtAnyMaster,
  subscribeAtEveryMaster,
  subscribeWhenMastersKnown,
} from './cluster-subscription.js';
import {
  type DisconnectableSubscription,
  MANUAL_RESUBSCRIBE,
  type Subscription,
  type SubscriptionListener,
  subscribeOn,
} from './subscription.js';

/**
 * Subscribes to a channel whose messages are sent with PUBLISH. On a cluster one master is enough, because a message
 * published on one node is passed on to all nodes. The caller must close the subscription.
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
 * Subscribes to a channel of keyspace events, such as the expiry of keys. On a cluster it subscribes on every master,
 * because Redis publishes these events only on the server that holds the key. When a master joins the cluster or
 * replaces another, `onResumed` is called without `onLost` before it, because events of the new master may have been
 * missed. The caller must close the subscription.
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

/**
 * Returns the subscription, changed so that it is disconnected, and its listener's `onLost` is called, when the
 * fleet's connection ends.
 */
function endingWithFleet({ redis }: Fleet, subscription: DisconnectableSubscription): Subscription {
  const stopListening = onEvent(redis, 'end', () => {
    stopListening();
    subscription.disconnect();
  });
  return {
    ready: subscription.ready,
    get lost() {
      return subscription.lost;
    },
    close() {
      stopListening();
      subscription.close();
    },
  };
}
