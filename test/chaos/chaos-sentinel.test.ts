/**
 * The chaos test with Sentinel: the master is killed after its replica was cut off, so that its last writes are
 * lost, and the replica takes over. All other writes must be there.
 */
import { describe } from 'vitest';
import { checkChaos } from '../support/chaos/chaos-tests.js';
import { useSentinels } from '../support/chaos/topologies.js';
import { bySize, seedsOf } from '../support/size.js';

describe.each(seedsOf(1, 2, 3))('seed %i', (seed) => {
  const options = { seconds: bySize(15, 60), seed, maxPauseMs: 2000, devices: 600, workers: 2 };

  checkChaos('chaos with Sentinel', useSentinels(), options, {
    connectionsCut: 2,
    pauses: 0,
    crashes: 0,
    failovers: 1,
    holds: 0,
    events: 1500,
    lost: 1,
  });
});
