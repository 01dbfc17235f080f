/**
 * The chaos test with Sentinel: the master is killed after its replica was cut off, so that its last writes are
 * lost, and the replica takes over. All other writes must be there.
 */
import { describe } from 'vitest';
import { checkChaos } from '../support/chaos/chaos-tests.js';
import { useSentinels } from '../support/chaos/topologies.js';
import { bySize, seedsUpTo } from '../support/size.js';

describe.each(seedsUpTo(10))('seed %i', (seed) => {
  const options = { seconds: bySize(15, 60), seed, maxPauseMs: 2000, devices: 600, workers: 2 };

  checkChaos('chaos with Sentinel', useSentinels(), options, {
    connectionsKilled: 1,
    pauses: 0,
    crashes: 0,
    failovers: 1,
    holds: 0,
    events: 1500,
  });
});
