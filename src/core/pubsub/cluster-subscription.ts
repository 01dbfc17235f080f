/**
 * Ears in a cluster, whose masters come and go. ioredis' own subscriber tells neither that it
 * was lost nor that it has gone to another node.
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

const AT_NODE = {
  ...MANUAL_RESUBSCRIBE,
  lazyConnect: true,
  retryStrategy: (attempt: number) => Math.min(50 * 2 ** attempt, 1000),
};

/** Opens it, at the master that answers first, once there are masters: a cluster that was not spoken to yet, or lost all, knows none. */
export function subscribeWhenMastersKnown(
  fleet: Fleet,
  open: (first: Redis) => OwnedSubscription,
): OwnedSubscription {
  let ear: OwnedSubscription | undefined;
  let closed = false;
  const begin = async () => {
    // Any command waits until it has found some; what the fleet has kept would not ask.
    if (fleet.servers().length === 0)
      await fleet.send(() => fleet.redis.hmget(fleet.keys.meta, 'partitions'));
    const first = await firstToAnswer(fleet);
    if (closed) return;
    ear = open(first);
    await ear.ready;
  };
  const ready = begin();
  ready.catch(() => {}); // told to who waits for it, and that may be later
  return {
    ready,
    get lost() {
      return ear?.lost;
    },
    end() {
      closed = true;
      ear?.end();
    },
    close() {
      closed = true;
      ear?.close();
    },
  };
}

/** Another may hang, and would not say so. */
function firstToAnswer(fleet: Fleet): Promise<Redis> {
  const asked = fleet.servers().map(async (master) => {
    await master.ping();
    return master;
  });
  return fleet.send(() =>
    Promise.any(asked).catch(({ errors: [error] }: AggregateError) => {
      throw error ?? new DevstateError('CONNECTION', 'connection lost');
    }),
  );
}

/** At first at this master; each further attempt to connect goes to another, for the one may be away. */
export function subscribeAtAnyMaster(
  fleet: Fleet,
  cluster: Cluster,
  channel: string,
  hearer: SubscriptionListener,
  first: Redis,
): OwnedSubscription {
  const choose = () => {
    const masters = fleet.servers();
    return masters[Math.floor(Math.random() * masters.length)];
  };
  const subscriber = first.duplicate({
    ...AT_NODE,
    retryStrategy(attempt) {
      const { host, port } = (choose() ?? subscriber).options;
      Object.assign(subscriber.options, { host, port }); // which are read at each attempt
      return AT_NODE.retryStrategy(attempt);
    },
  });
  // Who is master no longer may have left the cluster, or hang: nothing is heard there.
  const follow = () => {
    const left = !fleet.servers().some((master) => addressOf(master) === addressOf(subscriber));
    if (left && subscriber.status === 'ready') subscriber.disconnect(true);
  };
  cluster.on('refresh', follow);
  const ear = subscribeOn(fleet, subscriber, channel, hearer);
  return {
    ready: ear.ready,
    get lost() {
      return ear.lost;
    },
    end: ear.end,
    close() {
      cluster.off('refresh', follow);
      ear.close();
    },
  };
}

/** New masters get an ear as they are known, and those that are none any more lose it. */
export function subscribeAtEveryMaster(
  fleet: Fleet,
  cluster: Cluster,
  channel: string,
  hearer: SubscriptionListener,
): OwnedSubscription {
  const ears = new Map<string, OwnedSubscription>();
  const follow = (late: boolean) => {
    const masters = new Map(fleet.servers().map((master) => [addressOf(master), master]));
    for (const [address, ear] of ears) {
      if (masters.has(address)) continue;
      ears.delete(address);
      ear.close();
    }
    for (const [address, master] of masters) {
      if (!ears.has(address))
        ears.set(address, subscribeOn(fleet, master.duplicate(AT_NODE), channel, hearer, late));
    }
  };
  const followOn = () => follow(true);
  const each = (act: (ear: OwnedSubscription) => void) => {
    cluster.off('refresh', followOn);
    for (const ear of ears.values()) act(ear);
  };
  follow(false);
  cluster.on('refresh', followOn);
  const ready = Promise.all([...ears.values()].map((ear) => ear.ready)).then(() => {});
  ready.catch(() => {});
  return {
    ready,
    get lost() {
      return [...ears.values()].map(({ lost }) => lost).find((lost) => lost !== undefined);
    },
    end: () => each((ear) => ear.end()),
    close: () => each((ear) => ear.close()),
  };
}

function addressOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`;
}
