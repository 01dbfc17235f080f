/**
 * Subscribes to a Redis channel, on connections of its own. When the fleet's connection ends, they end too, and the
 * listener's `onLost` is called.
 */
import type { Fleet } from '../store/fleet.js';
import {
  subscribeAtAnyMaster,
  subscribeAtEveryMaster,
  subscribeWhenMastersKnown,
} from './cluster-subscription.js';
import { type Subscription, type SubscriptionListener, subscribeOn } from './subscription.js';

/**
 * Subscribes to a channel whose messages are sent with PUBLISH. On a cluster one master is enough, because a message
 * published on one node is passed on to all nodes. The caller must close the subscription.
 */
export function subscribe(fleet: Fleet, channel: string, listener: SubscriptionListener): Subscription {
  const { cluster, link, redis, requestTimeoutMs: timeoutMs } = fleet;
  if (!cluster) return subscribeOn(fleet, link.newSubscriber(redis, { timeoutMs }), channel, listener);
  return subscribeWhenMastersKnown(fleet, (master) =>
    subscribeAtAnyMaster(fleet, cluster, channel, listener, master),
  );
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
  return subscribeWhenMastersKnown(fleet, () => subscribeAtEveryMaster(fleet, cluster, channel, listener));
}
