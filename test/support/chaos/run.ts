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
import type { PresenceEvent } from '../../../src/core/device.js';
import type { Fleet } from '../../../src/core/fleet.js';
import { logOf, openFleet, serverNow, until } from '../fleet.js';
import type { TestRedis } from '../redis.js';
import type { Hold, Operation, Span } from './checker.js';
import { devstate, helper, type Program } from './programs.js';

export interface ChaosOptions {
  seconds: number;
  seed: number;
  devices: number;
  workers: number;
}

export interface ChaosRun {
  log: PresenceEvent[];
  /** What each device did, in order. */
  operations: Map<string, Operation[]>;
  holds: Hold[];
  outages: Outage[];
  /** What they printed: the watcher that was there from the beginning, and one that came at the end. */
  witness: string[];
  latecomer: string[];
  /** Every detector that ran, killed or not. */
  detectors: Program[];
  counts: Record<'detectorsKilled' | 'connectionsCut' | 'pauses' | 'crashes', number>;
}

/** Redis was away: by the clock of this process, when it went at the earliest and at the latest, and when it was back. */
export interface Outage {
  began: Span;
  ended: number;
}

const STRATEGIES = [['deadline'], ['poll', '--interval', '2s'], ['keyspace']];
export async function chaos(redis: TestRedis, options: ChaosOptions): Promise<ChaosRun> {
  const { seconds, seed, devices, workers } = options;
  const fleet = await openFleet(redis, {}, { maxRetriesPerRequest: null });
  const pulseClient = await redis.client({
    ...{ maxRetriesPerRequest: null, enableReadyCheck: false, retryStrategy: () => 20 },
  });
  for (const client of [fleet.redis, pulseClient]) client.on('error', () => {});
  await fleet.redis.hset(fleet.keys.meta, 'logCap', 10_000_000);
  const beginning = await serverNow(fleet.redis);

  const witness = devstate(redis.url, 'watch-presence', '-o', 'ndjson');
  await witness.says('watching');
  const crew = new Crew(redis.url);
  await crew.ready();
  const pulse = new PulseWatch(pulseClient, fleet.keys.pulse);
  const dir = mkdtempSync(join(tmpdir(), 'devstate-chaos-'));
  const shares = Array.from({ length: workers }, (_, i) => {
    const ids = Array.from({ length: devices }, (_, n) => `d${n}`).filter((_, n) => n % workers === i);
    return { url: redis.url, seed: seed * 1000 + i, ids, file: join(dir, `${i}`) };
  });
  try {
    const processes = shares.map((share) => helper('worker.mjs', share));
    await Promise.all(processes.map((process) => process.messaged('ready')));
    const { outages, counts } = await havoc(redis, fleet, crew, seconds, seed);

    for (const process of processes) process.send('finish');
    for (const process of processes) {
      if ((await process.exit) !== 0) throw new Error(`a worker failed:\n${process.stderr}`);
    }
    const survivors = shares.flatMap(({ ids }) => ids.filter((_, i) => i % 4 === 0)).length;
    await until(async () => (await fleet.redis.scard(fleet.keys.online)) === survivors);
    const log = await logOf(fleet);
    await until(() => witness.lines.length >= log.length);
    const latecomer = devstate(
      ...[redis.url, 'watch-presence', '-o', 'ndjson', '--since', `${beginning}`, '--for', '2s'],
    );
    await latecomer.exit; // 2 s in which neither watcher may print anything more
    witness.kill('SIGTERM');
    await Promise.all([witness.exit, crew.end(), pulse.end()]);
    return {
      log,
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
  redis: TestRedis,
  fleet: Fleet,
  crew: Crew,
  seconds: number,
  seed: number,
): Promise<Pick<ChaosRun, 'outages' | 'counts'>> {
  const random = randomOf(seed);
  const counts = { detectorsKilled: 0, connectionsCut: 0, pauses: 0, crashes: 0 };
  const outages: Outage[] = [];
  const cut = async () => {
    counts.connectionsCut += await cutReaders(fleet.redis);
  };
  const replace = (index: number) => async () => {
    counts.detectorsKilled += 1;
    await crew.replace(index, random() * 1500);
  };
  const pause = (ms: number) => async () => {
    counts.pauses += 1;
    const asked = Date.now();
    await fleet.redis.client('PAUSE', ms, 'ALL');
    outages.push({ began: [asked, Date.now()], ended: await serverNow(fleet.redis) });
  };
  const crash = (ms: number) => async () => {
    counts.crashes += 1;
    const asked = Date.now();
    await redis.server.kill();
    const gone = Date.now();
    await sleep(ms);
    await redis.server.restart();
    outages.push({ began: [asked, gone], ended: await serverNow(fleet.redis) });
  };
  // Beyond 3 s it is an outage, with a hold; beyond 5 s commands time out, and are done all the same.
  const acts = [
    ...[cut, cut, replace(0), replace(1), replace(2)],
    ...[pause(1000), pause(4000), pause(5500), crash(0), crash(4500)],
  ];
  const end = Date.now() + seconds * 1000;
  for (let done = 0, order = acts; done < acts.length || Date.now() < end; done++) {
    if (done % acts.length === 0) order = shuffled(acts, random);
    await order[done % acts.length]?.();
    await sleep(500 + random() * 4000);
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

/** Looks at the pulse all the time, to learn when verdicts were held. */
class PulseWatch {
  readonly #samples: { at: number; until: number }[] = [];
  #ended = false;
  readonly #watching: Promise<void>;

  constructor(redis: Redis, key: string) {
    this.#watching = this.#watch(redis, key);
  }

  async #watch(redis: Redis, key: string): Promise<void> {
    for (; !this.#ended; await sleep(50)) {
      const replies = await redis
        .multi()
        .time()
        .get(key)
        .exec()
        .catch(() => null); // it loads its data
      if (replies === null) continue;
      const [time, pulse] = replies.map(([, reply]) => reply) as [[string, string], string | null];
      const at = Number(time[0]) * 1000 + Math.floor(Number(time[1]) / 1000);
      this.#samples.push({ at, until: Number(pulse?.split(' ')[2] ?? 0) });
    }
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#watching;
  }

  /** Each hold was opened between two samples, by the first script after an outage, if there was one between. */
  holds(outages: readonly Outage[]): Hold[] {
    return this.#samples.flatMap(({ at, until }, i) => {
      const before = this.#samples[i - 1];
      if (before === undefined || until === before.until) return [];
      const between = outages.filter(({ began, ended }) => began[0] <= at && ended >= before.at);
      const earliest = between.length > 0 ? Math.min(...between.map(({ began }) => began[0])) : before.at;
      const latest = between.length > 0 ? Math.max(...between.map(({ began }) => began[1])) : at;
      return [{ certain: [latest, until], possible: [earliest, until] }];
    });
  }
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

function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
