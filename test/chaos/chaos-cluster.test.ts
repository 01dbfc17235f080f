/**
 * The chaos of one server on a cluster of three masters and three replicas: a master is paused, one is killed,
 * and one is killed whose replica has not heard of its last moments; replicas take over. What that loses is
 * lost; all else must be there. CHAOS_SECONDS and CHAOS_SEED are heeded here, too.
 */
import { checkChaos } from '../support/chaos/chaos-tests.js';
import { useChaosCluster } from '../support/chaos/topologies.js';

const options = {
  seconds: Number(process.env.CHAOS_SECONDS ?? 15),
  seed: Number(process.env.CHAOS_SEED ?? 1),
  ...{ calm: 1200, devices: 600, workers: 2 },
};

checkChaos('chaos on a cluster', useChaosCluster(), options, {
  ...{ connectionsCut: 2, pauses: 1, crashes: 0, failovers: 2, holds: 10, events: 1500, lost: 1 },
});
