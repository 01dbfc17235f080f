/**
 * The chaos test on a cluster of three masters and three replicas: one master is paused, one is killed, and one is
 * killed after its replica was cut off, so that its last writes are lost. All other writes must be there.
 * CHAOS_SECONDS sets the duration, CHAOS_SEED the seed.
 */
import { checkChaos } from '../support/chaos/chaos-tests.js';
import { useChaosCluster } from '../support/chaos/topologies.js';

const options = {
  seconds: Number(process.env.CHAOS_SECONDS ?? 15),
  seed: Number(process.env.CHAOS_SEED ?? 1),
  maxPauseMs: 1200,
  devices: 600,
  workers: 2,
};

checkChaos('chaos on a cluster', useChaosCluster(), options, {
  connectionsCut: 2,
  pauses: 1,
  crashes: 0,
  failovers: 2,
  holds: 10,
  events: 1500,
  lost: 1,
});
