/**
 * The chaos test on a cluster of three masters and three replicas: one master is paused, one is killed, and one is
 * killed after its replica was cut off, so that its last writes are lost. All other writes must be there.
 */
import { describe } from 'vitest';
import { checkChaos } from '../support/chaos/chaos-tests.js';
import { useChaosCluster } from '../support/chaos/topologies.js';
import { bySize, seedsUpTo } from '../support/size.js';

describe.each(seedsUpTo(10))('seed %i', (seed) => {
  const options = { seconds: bySize(15, 60), seed, maxPauseMs: 1200, devices: 600, workers: 2 };

  checkChaos('chaos on a cluster', useChaosCluster(), options, {
    connectionsKilled: 1,
    pauses: 1,
    crashes: 0,
    failovers: 2,
    holds: 10,
    events: 1500,
  });
});
