/**
 * The chaos test with Sentinel: the master is killed after its replica was cut off, so that its last writes are
 * lost, and the replica takes over. All other writes must be there. CHAOS_SECONDS sets the duration, CHAOS_SEED
 * the seed.
 */
import { checkChaos } from '../support/chaos/chaos-tests.js';
import { useSentinels } from '../support/chaos/topologies.js';

const options = {
  seconds: Number(process.env.CHAOS_SECONDS ?? 15),
  seed: Number(process.env.CHAOS_SEED ?? 1),
  maxPauseMs: 2000,
  devices: 600,
  workers: 2,
};

checkChaos('chaos with Sentinel', useSentinels(), options, {
  connectionsCut: 2,
  pauses: 0,
  crashes: 0,
  failovers: 1,
  holds: 0,
  events: 1500,
  lost: 1,
});
