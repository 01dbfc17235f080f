/**
 * Subscriptions on a cluster, whose masters change. ioredis' own subscriber of a cluster is not used:
 * it reports neither that its connection was lost nor that it moved to another node.
 */
import type { Cluster, Redis } from 'ioredis';
import { DevstateError } from '../model/errors.js';
import type { Fleet } from '../store/fleet.js';
import {
  MANUAL_RESUBSCRIBE,
  type OwnedSubscription,
  type SubscriptionListener,
  subscribeOn,
} from './subscription.js';

const SUBSCRIBER_OPTIONS = {
  ...MANUAL_RESUBSCRIBE,
  lazyConnect: true,
  retryStrategy: (attempt: number) => Math.min(50 * 2 ** attempt, 1000),
};

/**
 * Opens a subscription when masters are known: no command may have been sent to the cluster yet, or
 * all of its nodes may be lost.
 * @param open called with the master that answers first
 */
export function subscribeWhenMastersKnown(
  fleet: Fleet,
  open: (master: Redis) => OwnedSubscription,
): OwnedSubscription {
  let subscription: OwnedSubscription | undefined;
  let isClosed = false;
  const begin = async () => {
    // ioredis sends a command when it has found the nodes. `fleet.declared` may answer from its cache, without a command.
    if (fleet.servers().length === 0)
      await fleet.send(() => fleet.redis.hmget(fleet.keys.meta, 'partitions'));
    const master = await firstToAnswer(fleet);
    if (isClosed) return;
    subscription = open(master);
    await subscription.ready;
  };
  const ready = begin();
  ready.catch(() => {}); // The caller may await it later; until then Node must not see it as unhandled.
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

/** Returns the master that answers a PING first. A master that hangs keeps its connection, so a status does not show it. */
function firstToAnswer(fleet: Fleet): Promise<Redis> {
  const pings = fleet.servers().map(async (master) => {
    await master.ping();
    return master;
  });
  return fleet.send(() =>
    Promise.any(pings).catch(({ errors: [error] }: AggregateError) => {
      throw error ?? new DevstateError('CONNECTION', 'connection lost');
    }),
  );
}

/**
 * Subscribes on one master, and on another one if that fails or leaves the cluster.
 * @param first the master to subscribe on first; each further attempt takes one at random
 */
export function subscribeAtAnyMaster(
  fleet: Fleet,
  cluster: Cluster,
  channel: string,
  listener: SubscriptionListener,
  first: Redis,
): OwnedSubscription {
  const chooseMaster = () => {
    const masters = fleet.servers();
    return masters[Math.floor(Math.random() * masters.length)];
  };
  const subscriber = first.duplicate({
    ...SUBSCRIBER_OPTIONS,
    retryStrategy(attempt) {
      const { host, port } = (chooseMaster() ?? subscriber).options;
      Object.assign(subscriber.options, { host, port }); // ioredis reads them at each attempt.
      return SUBSCRIBER_OPTIONS.retryStrategy(attempt);
    },
  });
  // A node that is no longer a master may have left the cluster or hang, and then delivers no messages.
  const leaveFormerMaster = () => {
    const isMaster = fleet.servers().some((master) => addressOf(master) === addressOf(subscriber));
    if (!isMaster && subscriber.status === 'ready') subscriber.disconnect(true);
  };
  cluster.on('refresh', leaveFormerMaster);
  const subscription = subscribeOn(fleet, subscriber, channel, listener);
  return {
    ready: subscription.ready,
    get lost() {
      return subscription.lost;
    },
    disconnect: subscription.disconnect,
    close() {
      cluster.off('refresh', leaveFormerMaster);
      subscription.close();
    },
  };
}

/** Subscribes on all masters, on each new master when it becomes known, and no longer on nodes that are none. */
export function subscribeAtEveryMaster(
  fleet: Fleet,
  cluster: Cluster,
  channel: string,
  listener: SubscriptionListener,
): OwnedSubscription {
  const subscriptions = new Map<string, OwnedSubscription>();
  const followMasters = (late: boolean) => {
    const masters = new Map(fleet.servers().map((master) => [addressOf(master), master]));
    for (const [address, subscription] of subscriptions) {
      if (masters.has(address)) continue;
      subscriptions.delete(address);
      subscription.close();
    }
    for (const [address, master] of masters) {
      if (subscriptions.has(address)) continue;
      const subscriber = master.duplicate(SUBSCRIBER_OPTIONS);
      subscriptions.set(address, subscribeOn(fleet, subscriber, channel, listener, late));
    }
  };
  const onRefresh = () => followMasters(true);
  const endAll = (end: (subscription: OwnedSubscription) => void) => {
    cluster.off('refresh', onRefresh);
    for (const subscription of subscriptions.values()) end(subscription);
  };
  followMasters(false);
  cluster.on('refresh', onRefresh);
  const ready = Promise.all([...subscriptions.values()].map((subscription) => subscription.ready)).then(
    () => {},
  );
  ready.catch(() => {}); // The caller may await it later; until then Node must not see it as unhandled.
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
