/**
 * Subscriptions to a channel of a cluster, which go on when the masters of the cluster change. The cluster subscriber
 * of ioredis is not used: it reports neither that its connection was lost nor that it moved to another node, so missed
 * messages would go unnoticed.
 */
import type { Cluster, Redis } from 'ioredis';
import { onEvent } from '../async/shared-listener.js';
import type { Fleet } from '../store/fleet.js';
import { type DisconnectableSubscription, type SubscriptionListener, subscribeOn } from './subscription.js';

/**
 * Returns at once a subscription that is opened as soon as a master of the cluster answers. The masters may not be
 * known yet, because ioredis looks for them at the first command, or not any more, because all nodes are lost.
 * @param open opens the subscription; called with the master that answers first
 */
export function subscribeWhenMastersKnown(
  fleet: Fleet,
  open: (master: Redis) => DisconnectableSubscription,
): DisconnectableSubscription {
  let subscription: DisconnectableSubscription | undefined;
  let isClosed = false;
  const begin = async () => {
    // HMGET is sent only because any command makes ioredis look for the nodes of the cluster. `fleet.declared` would
    // not do, because it may answer from its cache without sending a command.
    if (fleet.servers().length === 0) await fleet.ask('hmget', fleet.keys.meta, 'partitions');
    const master = await firstToAnswer(fleet);
    if (isClosed) return;
    subscription = open(master);
    await subscription.ready;
  };
  const ready = begin();
  ready.catch(() => {}); // Without a handler, a rejection before the caller awaits `ready` would end the process.
  return {
    ready,
    get lost() {
      return subscription?.lost;
    },
    disconnect() {
      isClosed = true;
      subscription?.disconnect();
    },
    close() {
      isClosed = true;
      subscription?.close();
    },
  };
}

/**
 * Returns the master that answers a PING first. The status of the connections is not enough: a master that hangs keeps
 * its connection, and would be taken for one that works.
 */
function firstToAnswer(fleet: Fleet): Promise<Redis> {
  return fleet.send(() => {
    const pings = fleet.servers().map(async (master) => {
      await master.ping();
      return master;
    });
    return Promise.any(pings).catch(({ errors: [error] }: AggregateError) => {
      throw error ?? new Error('None of startup nodes is available');
    });
  });
}

/**
 * Subscribes on one master of the cluster. If the connection is lost or the node is no longer a master, it subscribes
 * on a master chosen at random.
 * @param first the master to subscribe on first
 */
export function subscribeAtAnyMaster(
  fleet: Fleet,
  cluster: Cluster,
  channel: string,
  listener: SubscriptionListener,
  first: Redis,
): DisconnectableSubscription {
  const subscriber = fleet.link.newSubscriber(first, {
    timeoutMs: fleet.requestTimeoutMs,
    chooseAddress() {
      const masters = fleet.servers();
      const chosen = masters[Math.floor(Math.random() * masters.length)]?.options;
      return chosen && { host: chosen.host, port: chosen.port };
    },
  });
  // Called when ioredis has read the list of masters again. If the node of this subscription is no longer a master,
  // it connects to another one: a node that has left the cluster or hangs delivers no messages.
  const leaveFormerMaster = () => {
    const isMaster = fleet.servers().some((master) => addressOf(master) === addressOf(subscriber));
    if (!isMaster && subscriber.status === 'ready') subscriber.disconnect(true);
  };
  const stopListening = onEvent(cluster, 'refresh', leaveFormerMaster);
  const subscription = subscribeOn(fleet, subscriber, channel, listener);
  return {
    ready: subscription.ready,
    get lost() {
      return subscription.lost;
    },
    disconnect: subscription.disconnect,
    close() {
      stopListening();
      subscription.close();
    },
  };
}

/**
 * Subscribes on all masters of the cluster. When ioredis finds a new master, it subscribes there too; when a node is no
 * longer a master, the subscription there is closed.
 */
export function subscribeAtEveryMaster(
  fleet: Fleet,
  cluster: Cluster,
  channel: string,
  listener: SubscriptionListener,
): DisconnectableSubscription {
  const subscriptions = new Map<string, DisconnectableSubscription>();
  const followMasters = (late: boolean) => {
    const masters = new Map(fleet.servers().map((master) => [addressOf(master), master]));
    for (const [address, subscription] of subscriptions) {
      if (masters.has(address)) continue;
      subscriptions.delete(address);
      subscription.close();
    }
    for (const [address, master] of masters) {
      if (subscriptions.has(address)) continue;
      const subscriber = fleet.link.newSubscriber(master, { timeoutMs: fleet.requestTimeoutMs });
      subscriptions.set(address, subscribeOn(fleet, subscriber, channel, listener, late));
    }
  };
  const endAll = (end: (subscription: DisconnectableSubscription) => void) => {
    stopListening();
    for (const subscription of subscriptions.values()) end(subscription);
  };
  followMasters(false);
  const stopListening = onEvent(cluster, 'refresh', () => followMasters(true));
  const ready = Promise.all([...subscriptions.values()].map((subscription) => subscription.ready)).then(
    () => {},
  );
  ready.catch(() => {}); // Without a handler, a rejection before the caller awaits `ready` would end the process.
  return {
    ready,
    get lost() {
      return [...subscriptions.values()].map(({ lost }) => lost).find((lost) => lost !== undefined);
    },
    disconnect: () => endAll((subscription) => subscription.disconnect()),
    close: () => endAll((subscription) => subscription.close()),
  };
}

function addressOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`;
}
