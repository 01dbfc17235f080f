/**
 * `npm run bench`: compares devstate with the article's design and with raw commands, in one run, on Redis servers
 * of its own. Every answer is checked. Arguments: names of parts run only these; `--quick` runs with small sizes;
 * `--check` exits with 1 if a limit is missed; `--write` writes the figures of a whole run to bench/RESULTS.md.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { load } from '../scripts/load.js';
import { announce, root, run, StageError, stages } from '../scripts/stage.js';
import { beatCost } from './parts/beat-cost.js';
import { growth } from './parts/growth.js';
import { heartbeat } from './parts/heartbeat.js';
import { listOnline } from './parts/list-online.js';
import { memory } from './parts/memory.js';
import { register } from './parts/register.js';
import { stale } from './parts/stale.js';
import { startup } from './parts/startup.js';
import { state } from './parts/state.js';
import { timeLimit } from './parts/time-limit.js';
import { Fleet } from './support/fleet.js';
import { BenchServer, Longest } from './support/server.js';
import { markdown, missed, plain } from './support/table.js';

/** In this order: `growth` changes the fleets that the queries before it read. */
const PARTS = {
  startup,
  heartbeat,
  'beat-cost': beatCost,
  'time-limit': timeLimit,
  register,
  memory,
  'list-online': listOnline,
  stale,
  state,
  growth,
};
const FULL = { devices: 100_000, fleetSizes: [1000, 10_000, 100_000, 1_000_000], rounds: 3, runs: 20 };
const QUICK = { devices: 5000, fleetSizes: [100, 1000, 10_000, 20_000], rounds: 1, runs: 3 };
const STALE_EVERY = 10;
const LONGEST_MS = 10;

await stages(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean' }, check: { type: 'boolean' }, write: { type: 'boolean' } },
  });
  const unknown = positionals.find((name) => !(name in PARTS));
  if (unknown !== undefined)
    throw new StageError(`no part ${unknown}; the parts are ${Object.keys(PARTS).join(', ')}`);
  if (values.write && (values.quick || positionals.length > 0))
    throw new StageError('--write needs a whole run: no parts, and no --quick');

  const bench = await open(values.quick ? QUICK : FULL);
  const lines = [];
  const curves = [];
  try {
    for (const [name, part] of Object.entries(PARTS)) {
      if (positionals.length > 0 && !positionals.includes(name)) continue;
      announce(name);
      bench.longest.part = name;
      const result = await part(bench);
      lines.push(...result.lines);
      curves.push(...(result.curves ?? []));
    }
    lines.push(longestLine(bench));
  } finally {
    await bench.close();
  }
  const results = { lines, curves, sizes: bench.sizes.fleetSizes };
  console.log(`\n${plain(results)}\n\n${bench.machine}`);
  if (values.write) writeFileSync(`${root}bench/RESULTS.md`, document(results, bench.machine));
  if (values.check && lines.some(missed)) process.exitCode = 1;
});

/** Builds devstate and returns what the parts share. */
async function open(sizes) {
  announce('building');
  run(process.execPath, [`${root}scripts/build.js`]);
  const [{ startServer }] = await load('src/redis/private-server.ts');
  const { DeviceStateManager } = await import(`${root}dist/index.js`);
  const longest = new Longest();
  const servers = new Set();
  let fleets;

  const server = async () => {
    const started = await BenchServer.start(startServer, DeviceStateManager);
    servers.add(started);
    return started;
  };
  const build = async () => {
    const built = [];
    for (const size of sizes.fleetSizes) {
      announce(`a fleet of ${size}`);
      const one = { server: await server(), fleet: new Fleet(size, { staleEvery: STALE_EVERY }) };
      await one.fleet.build(one.server);
      built.push(one);
    }
    return built;
  };
  const probe = await server();
  const redisVersion = /redis_version:(\S+)/.exec(await probe.redis.info('server'))[1];
  await probe.stop();
  const date = new Date().toISOString().slice(0, 10);
  return {
    sizes,
    longest,
    /** The longest HGET: it reads one field of one record, so it takes long only if the machine was stalled. */
    stalls: new Longest('hget'),
    machine: `${availableParallelism()} cores, Node ${process.versions.node}, Redis ${redisVersion}, ${date}`,
    server,
    /** The library on a client of the part. */
    manager: (client) => new DeviceStateManager(client),
    /** Fleets of all sizes, a tenth of each stale, each on its own server; built at the first call. */
    fleets: () => (fleets ??= build()),
    close: () => Promise.all([...servers].map((one) => one.stop())),
  };
}

/** Redis measures by wall clock. An HGET costs it 2 µs, so the longest of the article's HGETs shows how long the machine was stalled. */
function longestLine({ longest, stalls }) {
  return {
    name: "longest Redis command of devstate in the whole run; the longest HGET of the article's",
    figure: longest.what,
    ...(stalls.us > 0 && { against: `${stalls.ms} ms` }),
    value: longest.ms,
    unit: 'ms',
    atMost: LONGEST_MS,
  };
}

function document(results, machine) {
  return `# Bench

Written by \`npm run bench -- --write\`: ${machine}. The contestants took turns in one run; figures and ratios
are medians of its rounds, and every answer was checked. A line names what is measured and, after the semicolon,
what it is compared with; "the article's" is its design in our own code. Memory is the peak of the process.

${markdown(results)}
`;
}
