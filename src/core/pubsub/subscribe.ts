/** Who hears a channel of a fleet, on connections that end with the fleet's. */

import type { Fleet } from '../store/fleet.js';
import { hearEverywhere, hearSomewhere, whenKnown } from './cluster-subscription.js';
import { BY_HAND, type Ear, type Hearer, hearOn, type Listening } from './subscription.js';

export type { Ear, Hearer } from './subscription.js';

/** In a cluster at one of its masters, for each passes on what is published to all. */
export function subscribe(fleet: Fleet, channel: string, hearer: Hearer): Ear {
  const { cluster, redis } = fleet;
  const ear = cluster
    ? whenKnown(fleet, (first) => hearSomewhere(fleet, cluster, channel, hearer, first))
    : hearOn(fleet, redis.duplicate(BY_HAND), channel, hearer);
  return endingWith(fleet, ear);
}

/**
 * In a cluster at every master, as they come and go: for keyspace events, which one of them says.
 * Of a master that joins, or hangs until another has its place, `onBack` alone is told.
 */
export function subscribeEverywhere(fleet: Fleet, channel: string, hearer: Hearer): Ear {
  const { cluster } = fleet;
  if (!cluster) return subscribe(fleet, channel, hearer);
  const ear = whenKnown(fleet, () => hearEverywhere(fleet, cluster, channel, hearer));
  return endingWith(fleet, ear);
}

function endingWith({ redis }: Fleet, ear: Listening): Ear {
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
