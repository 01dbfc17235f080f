/**
 * The chaos test on one server, for 15 s, in the soak run for a minute: 2,000 devices in three processes, a detector of
 * each strategy and a watcher, while detectors and Redis are killed, Redis is paused and connections are cut. At the
 * end the log must agree with what the devices did.
 */
import { describe } from 'vitest';
import { checkChaos } from '../support/chaos/chaos-tests.js';
import { useServer } from '../support/chaos/topologies.js';
import { bySize, seedsUpTo } from '../support/size.js';

describe.each(seedsUpTo(10))('seed %i', (seed) => {
  const options = { seconds: bySize(15, 60), seed, maxPauseMs: 4500, devices: 2000, workers: 3 };

  checkChaos('chaos', useServer(), options, {
    connectionsKilled: 1,
    pauses: 3,
    crashes: 2,
    failovers: 0,
    holds: 3,
    events: 10_000,
  });
});
