/**
 * One chaos run: devices in worker processes, detectors of every strategy and a watcher run while Redis and detectors
 * are killed, Redis is paused, scripts are flushed, connections are killed, and proxies disturb the network. Then a
 * second watcher replays the log, and the data for the checks are collected.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { serverNow, until } from '../fleet.js';
import { randomNumbers } from '../random.mjs';
import { briefly } from '../redis.js';
import { realTime, stepClocks, withRealTimes } from './clock-steps.js';
import { wholeLog } from './event-ids.js';
import { HoldRecorder, type PartitionHold } from './hold-recorder.js';
import type { Operation } from './log-checker.js';
import { type FaultCounts, NetworkFaults } from './network-faults.js';
import { readOperations } from './operations.js';
import { type Process, startDevstate, startHelper } from './processes.js';
import { type ClockStep, REQUEST_TIMEOUT_MS, type RealEvent } from './times.js';
import type { Outage, Topology } from './topologies.js';

export interface ChaosOptions {
  /** The minimum duration; a run continues until everything was broken once. */
  seconds: number;
  /** The longest pause between two breaks, ms. */
  maxPauseMs: number;
  seed: number;
  devices: number;
  workers: number;
}

export interface ChaosRun {
  partitions: number;
  /** The log of all partitions at the end, on the servers' clocks; ids without positions in other partitions. */
  log: PresenceEvent[];
  /** The same events in the same order, in real time. */
  realLog: RealEvent[];
  /** Turns a time of a server into real time. */
  real: (ms: number) => number;
  /** The operations of each device, in order, with their replies in real time. */
  operations: Map<string, Operation[]>;
  holds: PartitionHold[];
  outages: Outage[];
  steps: ClockStep[];
  /** Lines printed by the watcher that ran from the beginning. */
  liveWatcher: string[];
  /** Lines printed by the watcher that replayed the log at the end. */
  replayWatcher: string[];
  /** All detectors that ran, killed ones included. */
  detectors: Process[];
  counts: { detectorsKilled: number; connectionsKilled: number; flushes: number } & FaultCounts;
}

const TIMEOUT_OPTION = ['--request-timeout', `${REQUEST_TIMEOUT_MS}ms`];
/** The exit code of a command that could not connect. */
const NO_CONNECTION = 5;
const STRATEGIES = [['deadline'], ['poll', '--interval', '2s'], ['keyspace']];

export async function chaos(topology: Topology, options: ChaosOptions): Promise<ChaosRun> {
  const { url, client, partitions } = topology;
  const { seed, devices, workers } = options;
  const fleet = await topology.fleet();
  await fleet.redis.hset(fleet.keys.meta, 'logCap', 10_000_000);
  if (partitions > 1) await declareFleet(fleet, { partitions });
  const startedAt = await serverNow(fleet.redis);
  const real = realTime(startedAt);

  const liveWatcher = startDevstate(url, 'watch-presence', '-o', 'ndjson', ...TIMEOUT_OPTION);
  await liveWatcher.untilStderr('watching');
  const detectors = new DetectorProcesses(url);
  await detectors.ready();
  const holdRecorder = new HoldRecorder(await fleet.partitions());
  const dir = mkdtempSync(join(tmpdir(), 'devstate-chaos-'));
  const shares = Array.from({ length: workers }, (_, i) => {
    const ids = Array.from({ length: devices }, (_, n) => `d${n}`).filter((_, n) => n % workers === i);
    // Clients of clusters are always the caller's: the library makes clients of one server or by Sentinel only.
    const isOwn = i % 2 === 0 && !('nodes' in client);
    const requestTimeout = REQUEST_TIMEOUT_MS;
    return { client, isOwn, requestTimeout, seed: seed * 1000 + i, ids, file: join(dir, `${i}`) };
  });
  try {
    const processes = shares.map((share) => startHelper('device-worker.mjs', share));
    await Promise.all(processes.map((process) => process.untilMessage('ready')));
    const network = new NetworkFaults(topology.proxies, seed);
    const { outages, steps, counts } = await breakThings(topology, fleet, detectors, network, options);
    await network.end();

    for (const process of processes) process.send('finish');
    for (const process of processes) {
      if ((await process.exit) !== 0) throw new Error(`a worker failed:\n${process.stderr}`);
    }
    const survivors = shares.flatMap(({ ids }) => ids.filter((_, i) => i % 4 === 0)).length;
    await untilSettled(async () => [await online(fleet), survivors], 'devices online');
    const log = await wholeLog(fleet);
    await untilSettled(
      () => [Math.min(liveWatcher.lines.length, log.length), log.length],
      'lines of the watcher',
    );
    const replayWatcher = startDevstate(
      url,
      'watch-presence',
      '-o',
      'ndjson',
      '--since',
      `${startedAt}`,
      '--for',
      '2s',
    );
    await replayWatcher.exit; // for 2 s neither watcher may print another event
    liveWatcher.kill('SIGTERM');
    await Promise.all([liveWatcher.exit, detectors.end(), holdRecorder.end(), topology.settled()]);
    return {
      partitions,
      log,
      realLog: withRealTimes(log, partitions, steps, real),
      real,
      operations: new Map(shares.flatMap(({ ids, file }) => [...readOperations(ids, file, real)])),
      holds: holdRecorder.holds(steps, real),
      outages,
      steps,
      liveWatcher: liveWatcher.lines,
      replayWatcher: replayWatcher.lines,
      detectors: detectors.all,
      counts: { ...counts, ...network.counts },
    };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Waits until what `count` returns first has become what it returns second. */
async function untilSettled(
  count: () => [now: number, due: number] | Promise<[now: number, due: number]>,
  what: string,
): Promise<void> {
  let last: [number, number] = [0, 0];
  try {
    await until(async () => {
      last = await count();
      return last[0] === last[1];
    });
  } catch (cause) {
    throw new Error(`${last[0]} ${what} instead of ${last[1]}`, { cause });
  }
}

async function online(fleet: Fleet): Promise<number> {
  const counts = (await fleet.partitions()).map((each) =>
    each.send(() => each.redis.scard(each.keys.online)),
  );
  return (await Promise.all(counts)).reduce((sum, count) => sum + count);
}

/** The running detectors, one of each strategy. */
class DetectorProcesses {
  readonly all: Process[] = [];
  readonly #url: string;
  readonly #running: Process[];

  constructor(url: string) {
    this.#url = url;
    this.#running = STRATEGIES.map((_, i) => this.#start(i));
  }

  async ready(): Promise<void> {
    await Promise.all(this.#running.map((program) => program.untilStderr('detecting')));
  }

  /** Kills a detector and starts another one. Waits until it runs; one whose first connection fails is started again. */
  async replace(index: number, pauseMs: number): Promise<void> {
    this.#running[index]?.kill('SIGKILL');
    await sleep(pauseMs);
    for (;;) {
      const program = this.#start(index);
      this.#running[index] = program;
      try {
        await program.untilStderr('detecting');
        return;
      } catch (error) {
        if ((await program.exit) !== NO_CONNECTION) throw error;
      }
    }
  }

  async end(): Promise<void> {
    for (const program of this.#running) program.kill('SIGTERM');
    for (const program of this.#running) {
      if ((await program.exit) !== 0) throw new Error(`a detector failed:\n${program.stderr}`);
    }
  }

  #start(index: number): Process {
    const strategy = STRATEGIES[index] as string[];
    const program = startDevstate(
      this.#url,
      'detect',
      '-o',
      'ndjson',
      ...TIMEOUT_OPTION,
      '--strategy',
      ...strategy,
    );
    this.all.push(program);
    return program;
  }
}

/** Runs the breaks in an order that the seed decides, each at least once, until the time is over. */
async function breakThings(
  topology: Topology,
  fleet: Fleet,
  detectors: DetectorProcesses,
  network: NetworkFaults,
  { seconds, maxPauseMs, seed }: ChaosOptions,
): Promise<Pick<ChaosRun, 'outages' | 'steps'> & { counts: Omit<ChaosRun['counts'], keyof FaultCounts> }> {
  const random = randomNumbers(seed);
  const counts = { detectorsKilled: 0, connectionsKilled: 0, flushes: 0 };
  const outages: Outage[] = [];
  const steps: ClockStep[] = [];
  const killReaders = async () => {
    // While connections are black-holed, a server may have none of a reader.
    const before = counts.connectionsKilled;
    await until(async () => {
      for (const url of await topology.masters())
        counts.connectionsKilled += await briefly(url, killReadersOf);
      return counts.connectionsKilled > before;
    });
  };
  const flushScripts = async () => {
    for (const url of await topology.masters()) await briefly(url, (redis) => redis.script('FLUSH'));
    counts.flushes += 1;
  };
  const replace = (index: number) => async () => {
    counts.detectorsKilled += 1;
    await detectors.replace(index, random() * 1500);
  };
  // Not while requests are swallowed: a server whose clock is set back takes them for younger than they are.
  const step = (hours: number) => async () => {
    steps.push(...(await network.without(() => stepClocks(topology, fleet, random, hours))));
  };
  const isReplicated = topology.servers.length > 1;
  const actions = [
    killReaders,
    killReaders,
    flushScripts,
    replace(0),
    replace(1),
    replace(2),
    step(-1),
    ...(isReplicated ? [] : [step(1)]),
    ...topology.breaks.map((each) => async () => void outages.push(await each(random, fleet))),
  ];
  const end = Date.now() + seconds * 1000;
  for (let done = 0, order = actions; done < actions.length || Date.now() < end; done++) {
    if (done % actions.length === 0) order = shuffled(actions, random);
    await order[done % actions.length]?.();
    await sleep(500 + random() * (maxPauseMs - 500));
  }
  if (isReplicated) {
    // After a step forward the ids of the log stay ahead, and a failover that loses entries gives their ids again.
    await step(1)();
    await sleep(maxPauseMs);
  }
  return { outages, steps, counts };
}

/** Kills the connections of subscribers and of readers of the log. Returns their number. */
async function killReadersOf(redis: Redis): Promise<number> {
  const clients = String(await redis.client('LIST')).split('\n');
  const readers = clients.filter((line) => / cmd=(subscribe|x\w+|psubscribe) /.test(line));
  const ids = readers.map((line) => /^id=(\d+) /.exec(line)?.[1] as string);
  const killed = await Promise.all(ids.map((id) => redis.client('KILL', 'ID', id)));
  return killed.filter((count) => count === 1).length;
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}
