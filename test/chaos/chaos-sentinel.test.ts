/**
 * The chaos of one server with Sentinel: the master is killed, and its replica, which has not heard of its
 * last moments, takes over. What that loses is lost; all else must be there. CHAOS_SECONDS and CHAOS_SEED
 * are heeded here, too.
 */
import { checkChaos } from '../support/chaos/chaos-tests.js';
import { useSentinels } from '../support/chaos/topologies.js';

const options = {
  seconds: Number(process.env.CHAOS_SECONDS ?? 15),
  seed: Number(process.env.CHAOS_SEED ?? 1),
  ...{ calm: 2000, devices: 600, workers: 2 },
};

checkChaos('chaos with Sentinel', useSentinels(), options, {
  ...{ connectionsCut: 2, pauses: 0, crashes: 0, failovers: 1, holds: 0, events: 1500, lost: 1 },
});
