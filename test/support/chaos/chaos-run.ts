/**
 * One run of chaos: devices in worker processes, detectors of every strategy and a watcher that lives through
 * it all, while Redis and they themselves are killed, paused and cut off; then quiet, a late watcher, and
 * everything that the checks need.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { declareFleet } from '../../../src/core/admin/declare-fleet.js';
import type { PresenceEvent } from '../../../src/core/model/device.js';
import { entryId } from '../../../src/core/presence/cursor.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { logOf, serverNow, until } from '../fleet.js';
import { randomNumbers } from '../random.mjs';
import { inLogOrder } from './event-ids.js';
import { type PartitionHold, PulseWatch } from './hold-recorder.js';
import type { Operation } from './log-checker.js';
import { devstate, helper, type Program } from './processes.js';
import type { Break, Outage, Topology } from './topologies.js';

export interface ChaosOptions {
  /** At least; until everything was broken once. */
  seconds: number;
  /** The longest pause between two things that break, ms. */
  calm: number;
  seed: number;
  devices: number;
  workers: number;
}

export interface ChaosRun {
  partitions: number;
  /** As it is at the end, of all partitions; ids without the places in the others. */
  log: PresenceEvent[];
  /** What each device did, in order. */
  operations: Map<string, Operation[]>;
  holds: PartitionHold[];
  outages: Outage[];
  /** What they printed: the watcher that was there from the beginning, and one that came at the end. */
  witness: string[];
  latecomer: string[];
  /** Every detector that ran, killed or not. */
  detectors: Program[];
  counts: { detectorsKilled: number; connectionsCut: number };
}

const STRATEGIES = [['deadline'], ['poll', '--interval', '2s'], ['keyspace']];

export async function chaos(topology: Topology, options: ChaosOptions): Promise<ChaosRun> {
  const { url, client, partitions } = topology;
  const { seed, devices, workers } = options;
  const fleet = await topology.fleet();
  await fleet.redis.hset(fleet.keys.meta, 'logCap', 10_000_000);
  if (partitions > 1) await declareFleet(fleet, { partitions });
  const beginning = await serverNow(fleet.redis);

  const witness = devstate(url, 'watch-presence', '-o', 'ndjson');
  await witness.says('watching');
  const crew = new Crew(url);
  await crew.ready();
  const pulse = new PulseWatch(await fleet.partitions());
  const dir = mkdtempSync(join(tmpdir(), 'devstate-chaos-'));
  const shares = Array.from({ length: workers }, (_, i) => {
    const ids = Array.from({ length: devices }, (_, n) => `d${n}`).filter((_, n) => n % workers === i);
    return { client, seed: seed * 1000 + i, ids, file: join(dir, `${i}`) };
  });
  try {
    const processes = shares.map((share) => helper('device-worker.mjs', share));
    await Promise.all(processes.map((process) => process.messaged('ready')));
    const { outages, counts } = await havoc(topology.breaks, fleet, crew, options);

    for (const process of processes) process.send('finish');
    for (const process of processes) {
      if ((await process.exit) !== 0) throw new Error(`a worker failed:\n${process.stderr}`);
    }
    const survivors = shares.flatMap(({ ids }) => ids.filter((_, i) => i % 4 === 0)).length;
    await until(async () => (await online(fleet)) === survivors);
    const log = await wholeLog(fleet);
    await until(() => witness.lines.length >= log.length);
    const latecomer = devstate(
      ...[url, 'watch-presence', '-o', 'ndjson', '--since', `${beginning}`, '--for', '2s'],
    );
    await latecomer.exit; // 2 s in which neither watcher may print anything more
    witness.kill('SIGTERM');
    await Promise.all([witness.exit, crew.end(), pulse.end(), topology.settled()]);
    return {
      ...{ partitions, log },
      operations: new Map(shares.flatMap(({ ids, file }) => [...readOperations(ids, file)])),
      holds: pulse.holds(outages),
      outages,
      witness: witness.lines,
      latecomer: latecomer.lines,
      detectors: crew.all,
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

async function wholeLog(fleet: Fleet): Promise<PresenceEvent[]> {
  const partitions = await fleet.partitions();
  const logs = await Promise.all(partitions.map((partition) => logOf(partition)));
  const events = logs.flatMap((log, number) =>
    log.map((event) => ({ ...event, id: entryId(event.id as string, number, partitions.length) })),
  );
  return inLogOrder(events);
}

/** The detectors. */
class Crew {
  readonly all: Program[] = [];
  readonly #url: string;
  readonly #atWork: Program[];

  constructor(url: string) {
    this.#url = url;
    this.#atWork = STRATEGIES.map((_, i) => this.#start(i));
  }

  async ready(): Promise<void> {
    await Promise.all(this.#atWork.map((program) => program.says('detecting')));
  }

  /** One dies; another takes its place, and is at work before the next thing breaks: a first connection is final. */
  async replace(index: number, pause: number): Promise<void> {
    this.#atWork[index]?.kill('SIGKILL');
    await sleep(pause);
    const program = this.#start(index);
    this.#atWork[index] = program;
    await program.says('detecting');
  }

  async end(): Promise<void> {
    for (const program of this.#atWork) program.kill('SIGTERM');
    for (const program of this.#atWork) {
      if ((await program.exit) !== 0) throw new Error(`a detector failed:\n${program.stderr}`);
    }
  }

  #start(index: number): Program {
    const strategy = STRATEGIES[index] as string[];
    const program = devstate(this.#url, 'detect', '-o', 'ndjson', '--strategy', ...strategy);
    this.all.push(program);
    return program;
  }
}

/** Breaks things, in an order that the seed decides, each at least once, until the time is up. */
async function havoc(
  breaks: readonly Break[],
  fleet: Fleet,
  crew: Crew,
  { seconds, calm, seed }: ChaosOptions,
): Promise<Pick<ChaosRun, 'outages' | 'counts'>> {
  const random = randomNumbers(seed);
  const counts = { detectorsKilled: 0, connectionsCut: 0 };
  const outages: Outage[] = [];
  const cut = async () => {
    for (const server of fleet.servers()) counts.connectionsCut += await cutReaders(server);
  };
  const replace = (index: number) => async () => {
    counts.detectorsKilled += 1;
    await crew.replace(index, random() * 1500);
  };
  const acts = [
    ...[cut, cut, replace(0), replace(1), replace(2)],
    ...breaks.map((each) => async () => void outages.push(await each(random, fleet))),
  ];
  const end = Date.now() + seconds * 1000;
  for (let done = 0, order = acts; done < acts.length || Date.now() < end; done++) {
    if (done % acts.length === 0) order = shuffled(acts, random);
    await order[done % acts.length]?.();
    await sleep(500 + random() * (calm - 500));
  }
  return { outages, counts };
}

/** Cuts off every subscriber, and whoever reads the log. */
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
  | [kind: 'goodbye', id: string, sent: number, done: number, ...reply: [] | [boolean]];

function readOperations(ids: readonly string[], file: string): Map<string, Operation[]> {
  const operations = new Map(ids.map((id): [string, Operation[]] => [id, []]));
  for (const text of readFileSync(file, 'utf8').trim().split('\n')) {
    const line = JSON.parse(text) as Line;
    operations.get(line[1])?.push(operationOf(line));
  }
  return operations;
}

function operationOf(line: Line): Operation {
  if (line[0] === 'goodbye') {
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
