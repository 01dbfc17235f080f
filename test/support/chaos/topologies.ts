/**
 * What chaos runs on, and how each of it breaks: one server that is paused and killed; a cluster and a
 * set of sentinels, whose masters are killed and failed over. Redis replicates behind its answers, so a
 * master may take with it what it had acknowledged: since when that may be so is noted here, and one
 * master is cut off from its replica before it dies, for it to be so.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { Fleet } from '../../../src/core/store/fleet.js';
import { connect } from '../../../src/redis/client.js';
import type { PrivateServer } from '../../../src/redis/private-server.js';
import { parseTarget } from '../../../src/redis/target-url.js';
import { useCluster } from '../cluster.js';
import { openFleet, serverNow, until } from '../fleet.js';
import { briefly, useRedis } from '../redis.js';
import { MASTER_NAME, PASSWORD, portOf, type SentinelSet, startSentinels } from '../sentinel.js';
import type { Span } from './log-checker.js';

/** Partitions were away. Moments by the clock of this machine, which all servers share. */
export interface Outage {
  kind: 'pause' | 'crash' | 'failover';
  partitions: ReadonlySet<number>;
  /** When they went, at the earliest and at the latest. */
  began: Span;
  /** When they were back. */
  ended: number;
  /** What was acknowledged then, may be lost. */
  atRisk?: Span;
}

/** @param random from the seed; @param fleet as `fleet()` gave it */
export type Break = (random: () => number, fleet: Fleet) => Promise<Outage>;

export interface Topology {
  /** For the command line. */
  readonly url: string;
  /** For device-worker.mjs. */
  readonly client: object;
  readonly partitions: number;
  /** A connection that comes back whatever breaks. */
  fleet(): Promise<Fleet>;
  /** Each is done at least once. */
  readonly breaks: readonly Break[];
  /** All servers are there, and replicas have their master. */
  settled(): Promise<void>;
}

const PATIENCE_MS = 60_000;
/** Servers that are silent so long are taken for gone: longer than this machine may be busy, or none was killed. */
const GONE_AFTER_MS = 2000;
const SEVERED_MS = 500;
const ALL: ReadonlySet<number> = new Set([0]);

export function useServer(): Topology {
  const redis = useRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  const crash = (ms: number) => async (): Promise<Outage> => {
    const asked = Date.now();
    await redis.server.kill();
    const gone = Date.now();
    await sleep(ms);
    await redis.server.restart();
    return { kind: 'crash', partitions: ALL, began: [asked, gone], ended: Date.now() };
  };
  const paused = (ms: number) => () => pause(redis.url, ms, ALL);
  return {
    get url() {
      return redis.url;
    },
    get client() {
      return { url: redis.url };
    },
    partitions: 1,
    fleet: () => openFleet(redis, {}, { maxRetriesPerRequest: null, retryStrategy: () => 20 }),
    // Beyond 3 s it is an outage, with a hold; beyond 5 s commands time out, and are done all the same.
    breaks: [paused(1000), paused(4000), paused(5500), crash(0), crash(4500)],
    settled: async () => {},
  };
}

export function useChaosCluster(): Topology {
  const cluster = useCluster({ nodeTimeout: GONE_AFTER_MS });

  /** A master that the seed chooses, its replica, and the partitions that it serves. */
  async function choose(random: () => number, fleet: Fleet) {
    const masters = [...(await cluster.masters())];
    const [master, slots] = masters[Math.floor(random() * masters.length)] as [PrivateServer, number[]];
    const ports = await briefly(master.url, replicaPorts);
    const replica = cluster.nodes.find((node) => ports.includes(portOf(node))) as PrivateServer;
    const served = new Set(slots);
    const partitions = new Set<number>();
    for (const [number, { keys }] of (await fleet.partitions()).entries())
      if (served.has(await fleet.redis.cluster('KEYSLOT', keys.pulse))) partitions.add(number);
    return { master, replica, partitions };
  }

  const failing =
    (severed: boolean): Break =>
    async (random, fleet) => {
      const { master, replica, partitions } = await choose(random, fleet);
      const [some] = partitions;
      const over = () =>
        briefly(replica.url, (redis) => until(async () => (await redis.role())[0] === 'master'));
      const outage = await failover({ master, replica, key: `{${some}}:chaos`, severed, over });
      await master.restart();
      await cluster.settled();
      return { ...outage, partitions };
    };

  return {
    get url() {
      return cluster.url;
    },
    get client() {
      return { nodes: cluster.nodes.map(addressOf) };
    },
    partitions: 64,
    fleet: () => cluster.fleet({}, PATIENCE_MS),
    breaks: [
      async (random, fleet) => {
        const { master, partitions } = await choose(random, fleet);
        return pause(master.url, 4000, partitions);
      },
      failing(false),
      failing(true),
    ],
    settled: () => cluster.settled(),
  };
}

export function useSentinels(): Topology {
  let set: SentinelSet;
  const end = new AbortController();
  beforeAll(async () => {
    set = await startSentinels(GONE_AFTER_MS);
  });
  afterAll(async () => {
    end.abort();
    await set.stop();
  });
  return {
    get url() {
      return set.url;
    },
    get client() {
      const password = { password: PASSWORD, sentinelPassword: PASSWORD };
      return { sentinels: set.sentinels.map(addressOf), name: MASTER_NAME, ...password };
    },
    partitions: 1,
    async fleet() {
      const options = { timeoutMs: PATIENCE_MS, persistent: true, signal: end.signal };
      return new Fleet(await connect(parseTarget(set.url), options), { requestTimeout: PATIENCE_MS });
    },
    breaks: [
      async () => {
        await set.settled(); // who was killed before is a replica by now
        const master = (await set.master()) as PrivateServer;
        const replica = set.servers.find((server) => server !== master) as PrivateServer;
        // Before all sentinels know, they would find the old one there, and empty.
        const over = () => until(async () => (await set.master()) === replica);
        const outage = await failover({
          ...{ master, replica, key: 'chaos', severed: true, over, password: PASSWORD },
        });
        await master.restart();
        return { ...outage, partitions: ALL };
      },
    ],
    settled: () => set.settled(),
  };
}

async function pause(url: string, ms: number, partitions: ReadonlySet<number>): Promise<Outage> {
  return briefly(url, async (redis) => {
    const asked = Date.now();
    await redis.client('PAUSE', ms, 'ALL');
    return { kind: 'pause', partitions, began: [asked, Date.now()], ended: await serverNow(redis) };
  });
}

interface Failover {
  master: PrivateServer;
  replica: PrivateServer;
  /** One that the master serves. */
  key: string;
  /** The replica hears nothing of the master's last moments. */
  severed: boolean;
  /** Waits until the replica has taken its place. */
  over: () => Promise<void>;
  password?: string;
}

async function failover({ master, replica, key, severed, over, password }: Failover) {
  const url = password ? master.url.replace('//', `//:${password}@`) : master.url;
  const [safeUntil, asked] = await briefly(url, async (redis) => {
    const safe = Date.now();
    await redis.set(key, '1');
    if ((await redis.wait(1, PATIENCE_MS)) !== 1) throw new Error('the replica is behind');
    if (severed) {
      process.kill(replica.pid, 'SIGSTOP');
      await redis.call('CLIENT', 'KILL', 'TYPE', 'replica');
      await sleep(SEVERED_MS);
    }
    return [safe, Date.now()];
  });
  await master.kill();
  const gone = Date.now();
  if (severed) process.kill(replica.pid, 'SIGCONT');
  await over();
  const spans: { began: Span; atRisk: Span } = { began: [asked, gone], atRisk: [safeUntil, gone] };
  return { kind: 'failover', ...spans, ended: Date.now() } as const;
}

async function replicaPorts(redis: Redis): Promise<string[]> {
  const [, , replicas] = (await redis.role()) as ['master', number, [string, string, string][]];
  return replicas.map(([, port]) => port);
}

function addressOf(server: PrivateServer): { host: string; port: number } {
  return { host: '127.0.0.1', port: Number(portOf(server)) };
}
