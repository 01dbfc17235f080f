/**
 * Everything at once, for a minute (CHAOS_SECONDS makes it longer, CHAOS_SEED another one): 2,000 devices in
 * three processes, three detectors of three strategies, a watcher; detectors and Redis are killed, Redis is
 * paused, connections are cut. At the end the log must be what the devices did.
 */
import { checkChaos } from '../support/chaos/chaos-tests.js';
import { useServer } from '../support/chaos/topologies.js';

const options = {
  seconds: Number(process.env.CHAOS_SECONDS ?? 60),
  seed: Number(process.env.CHAOS_SEED ?? 1),
  ...{ calm: 4500, devices: 2000, workers: 3 },
};

checkChaos('chaos', useServer(), options, {
  ...{ connectionsCut: 4, pauses: 3, crashes: 2, failovers: 0, holds: 3, events: 10_000, lost: 0 },
});
