/**
 * One chaos run: devices in worker processes, detectors of every strategy and a watcher run while Redis and detectors
 * are killed, Redis is paused and connections are cut. Then a second watcher replays the log, and the data for the
 * checks are collected.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { serverNow, until } from '../fleet.js';
import { randomNumbers } from '../random.mjs';
import { wholeLog } from './event-ids.js';
import { HoldRecorder, type PartitionHold } from './hold-recorder.js';
import type { Operation } from './log-checker.js';
import { type Process, startDevstate, startHelper } from './processes.js';
import type { Break, Outage, Topology } from './topologies.js';

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
  /** The log of all partitions at the end; ids without positions in other partitions. */
  log: PresenceEvent[];
  /** The operations of each device, in order. */
  operations: Map<string, Operation[]>;
  holds: PartitionHold[];
  outages: Outage[];
  /** Lines printed by the watcher that ran from the beginning. */
  liveWatcher: string[];
  /** Lines printed by the watcher that replayed the log at the end. */
  replayWatcher: string[];
  /** All detectors that ran, killed ones included. */
  detectors: Process[];
  counts: { detectorsKilled: number; connectionsCut: number };
}

const STRATEGIES = [['deadline'], ['poll', '--interval', '2s'], ['keyspace']];

export async function chaos(topology: Topology, options: ChaosOptions): Promise<ChaosRun> {
  const { url, client, partitions } = topology;
  const { seed, devices, workers } = options;
  const fleet = await topology.fleet();
  await fleet.redis.hset(fleet.keys.meta, 'logCap', 10_000_000);
  if (partitions > 1) await declareFleet(fleet, { partitions });
  const startedAt = await serverNow(fleet.redis);

  const liveWatcher = startDevstate(url, 'watch-presence', '-o', 'ndjson');
  await liveWatcher.untilStderr('watching');
  const detectors = new DetectorProcesses(url);
  await detectors.ready();
  const holdRecorder = new HoldRecorder(await fleet.partitions());
  const dir = mkdtempSync(join(tmpdir(), 'devstate-chaos-'));
  const shares = Array.from({ length: workers }, (_, i) => {
    const ids = Array.from({ length: devices }, (_, n) => `d${n}`).filter((_, n) => n % workers === i);
    return { client, seed: seed * 1000 + i, ids, file: join(dir, `${i}`) };
  });
  try {
    const processes = shares.map((share) => startHelper('device-worker.mjs', share));
    await Promise.all(processes.map((process) => process.untilMessage('ready')));
    const { outages, counts } = await breakThings(topology.breaks, fleet, detectors, options);

    for (const process of processes) process.send('finish');
    for (const process of processes) {
      if ((await process.exit) !== 0) throw new Error(`a worker failed:\n${process.stderr}`);
    }
    const survivors = shares.flatMap(({ ids }) => ids.filter((_, i) => i % 4 === 0)).length;
    await until(async () => (await online(fleet)) === survivors);
    const log = await wholeLog(fleet);
    await until(() => liveWatcher.lines.length >= log.length);
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
      operations: new Map(shares.flatMap(({ ids, file }) => [...readOperations(ids, file)])),
      holds: holdRecorder.holds(outages),
      outages,
      liveWatcher: liveWatcher.lines,
      replayWatcher: replayWatcher.lines,
      detectors: detectors.all,
      counts,
    };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function online(fleet: Fleet): Promise<number> {
  const counts = (await fleet.partitions()).map(({ redis, keys }) => redis.scard(keys.online));
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

  /** Kills a detector and starts another one. Waits until it runs, because a failed first connection ends a detector. */
  async replace(index: number, pauseMs: number): Promise<void> {
    this.#running[index]?.kill('SIGKILL');
    await sleep(pauseMs);
    const program = this.#start(index);
    this.#running[index] = program;
    await program.untilStderr('detecting');
  }

  async end(): Promise<void> {
    for (const program of this.#running) program.kill('SIGTERM');
    for (const program of this.#running) {
      if ((await program.exit) !== 0) throw new Error(`a detector failed:\n${program.stderr}`);
    }
  }

  #start(index: number): Process {
    const strategy = STRATEGIES[index] as string[];
    const program = startDevstate(this.#url, 'detect', '-o', 'ndjson', '--strategy', ...strategy);
    this.all.push(program);
    return program;
  }
}

/** Runs the breaks in an order that the seed decides, each at least once, until the time is over. */
async function breakThings(
  breaks: readonly Break[],
  fleet: Fleet,
  detectors: DetectorProcesses,
  { seconds, maxPauseMs, seed }: ChaosOptions,
): Promise<Pick<ChaosRun, 'outages' | 'counts'>> {
  const random = randomNumbers(seed);
  const counts = { detectorsKilled: 0, connectionsCut: 0 };
  const outages: Outage[] = [];
  const cutConnections = async () => {
    for (const server of fleet.servers()) counts.connectionsCut += await cutReaders(server);
  };
  const replace = (index: number) => async () => {
    counts.detectorsKilled += 1;
    await detectors.replace(index, random() * 1500);
  };
  const actions = [
    cutConnections,
    cutConnections,
    replace(0),
    replace(1),
    replace(2),
    ...breaks.map((each) => async () => void outages.push(await each(random, fleet))),
  ];
  const end = Date.now() + seconds * 1000;
  for (let done = 0, order = actions; done < actions.length || Date.now() < end; done++) {
    if (done % actions.length === 0) order = shuffled(actions, random);
    await order[done % actions.length]?.();
    await sleep(500 + random() * (maxPauseMs - 500));
  }
  return { outages, counts };
}

/** Kills the connections of subscribers and of readers of the log. Returns their number. */
async function cutReaders(redis: Redis): Promise<number> {
  const clients = String(await redis.client('LIST')).split('\n');
  const readers = clients.filter((line) => / cmd=(subscribe|x\w+|psubscribe) /.test(line));
  const ids = readers.map((line) => /^id=(\d+) /.exec(line)?.[1] as string);
  const killed = await Promise.all(ids.map((id) => redis.client('KILL', 'ID', id)));
  return killed.filter((count) => count === 1).length;
}

type Line =
  | [
      kind: 'beat',
      id: string,
      ttl: number,
      sent: number,
      done: number,
      ...reply: [] | [number, number, boolean],
    ]
  | [kind: 'disconnect', id: string, sent: number, done: number, ...reply: [] | [boolean]];

function readOperations(ids: readonly string[], file: string): Map<string, Operation[]> {
  const operations = new Map(ids.map((id): [string, Operation[]] => [id, []]));
  for (const text of readFileSync(file, 'utf8').trim().split('\n')) {
    const line = JSON.parse(text) as Line;
    operations.get(line[1])?.push(operationOf(line));
  }
  return operations;
}

function operationOf(line: Line): Operation {
  if (line[0] === 'disconnect') {
    const [kind, , sent, done, wasOnline] = line;
    return { kind, sent, done, ...(wasOnline !== undefined && { reply: { wasOnline } }) };
  }
  const [kind, , ttl, sent, done, at, expiresAt, wasOffline] = line;
  const answered = at !== undefined && expiresAt !== undefined && wasOffline !== undefined;
  return { kind, ttl, sent, done, ...(answered && { reply: { at, expiresAt, wasOffline } }) };
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}
