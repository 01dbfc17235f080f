/** How the cost of a heartbeat grows with the fleet: in bulk, and as raw commands. */
import { bulkBeats, checkBeaten, rawBeats } from '../support/beats.js';
import { inTurn, median, shuffled } from '../support/rounds.js';
import { short } from '../support/table.js';

const RAW_CLOCK_MS = 60_000;

export async function growth(bench) {
  const { fleetSizes, rounds, devices } = bench.sizes;
  const sized = await bench.fleets();
  const contestants = {};
  for (const { fleet, server } of sized) {
    const ids = fleet.onlineIds();
    const raw = await server.raw();
    const measured = (indexToleranceMs, run) => async () => {
      const beats = sampled(ids, devices);
      const sinceMs = Date.now();
      const ms = await run(beats);
      await checkBeaten(server.redis, beats, { sinceMs, indexToleranceMs });
      return (ms / beats.length) * 1000;
    };
    contestants[`raw ${fleet.size}`] = measured(RAW_CLOCK_MS, (ids) => rawBeats(raw, ids));
    contestants[`bulk ${fleet.size}`] = measured(0, (ids) =>
      bench.longest.watch(server, () => bulkBeats(server.manager, ids)),
    );
  }
  const costs = await inTurn(rounds, contestants, { warmUp: true });

  const curve = (name) =>
    Object.fromEntries(fleetSizes.map((size) => [size, median(costs[`${name} ${size}`])]));
  const [ours, theirs] = [curve('bulk'), curve('raw')];
  const [least, most] = [fleetSizes[0], fleetSizes.at(-1)];
  const rise = (costs) => costs[most] / costs[least];
  const grown = (costs) => `${rise(costs).toFixed(2)} × the cost`;
  return {
    lines: [
      {
        name: `bulk heartbeat, ${short(most)} devices to ${short(least)}; raw commands`,
        figure: grown(ours),
        against: grown(theirs),
        value: rise(ours) / rise(theirs),
        unit: '×',
        atMost: 1,
      },
    ],
    curves: [
      { name: 'a heartbeat, bulk', unit: 'µs', values: ours },
      { name: 'a heartbeat, raw commands', unit: 'µs', values: theirs },
    ],
  };
}

/** `count` random ids: a part of a large fleet, or all of a small one several times. */
function sampled(ids, count) {
  const beats = [];
  while (beats.length < count) beats.push(...shuffled(ids).slice(0, count - beats.length));
  return beats;
}
