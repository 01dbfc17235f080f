/**
 * The topologies of chaos runs and the ways to break them: one server is paused and killed; masters of a cluster and
 * of a Sentinel set are killed and failed over. Redis replies before it replicates, so a failover may lose
 * acknowledged writes. Each outage records since when that is possible, and some masters are cut off from their
 * replica before they are killed, so that writes are lost unless the network is away too.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { Fleet } from '../../../src/core/store/fleet.js';
import { connect } from '../../../src/redis/client.js';
import type { PrivateServer } from '../../../src/redis/private-server.js';
import { parseTarget } from '../../../src/redis/target-url.js';
import { useCluster } from '../cluster.js';
import { FaultProxy } from '../faults/fault-proxy.js';
import { OBSERVER } from '../faults/proxied-servers.js';
import { shiftableEnv } from '../faults/shifted-clock.js';
import { openFleet, serverNow, until } from '../fleet.js';
import { briefly, useRedis } from '../redis.js';
import { MASTER_NAME, PASSWORD, portOf, type SentinelSet, startSentinels } from '../sentinel.js';
import type { Span } from './times.js';

/** A time without some partitions. All times are ms on the clock of this machine. */
export interface Outage {
  kind: 'pause' | 'crash' | 'failover';
  partitions: ReadonlySet<number>;
  /** The earliest and the latest time at which they became unreachable. */
  began: Span;
  /** When they were reachable again. */
  ended: number;
  /** Writes acknowledged in this span may be lost. */
  atRisk?: Span;
}

/** Breaks something. `random` repeats for the same seed; `fleet` is a result of `Topology.fleet()`. */
export type Break = (random: () => number, fleet: Fleet) => Promise<Outage>;

export interface Topology {
  /** The URL for the command line. */
  readonly url: string;
  /** The connection options for device-worker.mjs. */
  readonly client: object;
  /** The proxies before all servers, which clients use. */
  readonly proxies: readonly FaultProxy[];
  readonly partitions: number;
  /** The fleet on a connection that reconnects after every break, and that the proxies do not disturb. */
  fleet(): Promise<Fleet>;
  /** The URLs of the masters, past the proxies. */
  masters(): Promise<string[]>;
  /** The ways to break this topology; a run uses each at least once. */
  readonly breaks: readonly Break[];
  /** All servers that hold data. */
  readonly servers: readonly PrivateServer[];
  /** Returns the partitions of which one of the servers is the master. */
  servedBy(servers: readonly PrivateServer[], fleet: Fleet): Promise<ReadonlySet<number>>;
  /** Waits until all servers run, and replicas are connected to their master. */
  settled(): Promise<void>;
}

const REPLICATED_MS = 60_000;
/** The request timeout of the test's own connections. */
const OBSERVER_TIMEOUT_MS = 5000;
/** Cluster and Sentinel take a server for failed after this time. Longer than a busy machine delays a reply. */
const FAILED_AFTER_MS = 2000;
const CUT_OFF_MS = 500;
const ALL: ReadonlySet<number> = new Set([0]);

export function useServer(): Topology {
  const redis = useRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] }, shiftableEnv);
  const crash = (ms: number) => async (): Promise<Outage> => {
    const startedAt = Date.now();
    await redis.server.kill();
    const goneAt = Date.now();
    await sleep(ms);
    await redis.server.restart();
    return { kind: 'crash', partitions: ALL, began: [startedAt, goneAt], ended: Date.now() };
  };
  const paused = (ms: number) => () => pause(redis.url, ms, ALL);
  const proxies: FaultProxy[] = [];
  beforeAll(async () => {
    proxies.push(await FaultProxy.start(redis.url));
  });
  afterAll(() => Promise.all(proxies.map((proxy) => proxy.close())));
  const url = () => (proxies[0] as FaultProxy).url;
  return {
    get url() {
      return url();
    },
    get client() {
      return { url: url() };
    },
    proxies,
    partitions: 1,
    fleet: () => openFleet(redis, {}, { maxRetriesPerRequest: null, retryStrategy: () => 20 }),
    masters: async () => [redis.url],
    // A pause over 2 s is an outage, after which devices are held. Requests sent in a pause time out; Redis reads them later, when they are stale.
    breaks: [paused(1000), paused(4000), paused(5500), crash(0), crash(4500)],
    get servers() {
      return [redis.server];
    },
    servedBy: async () => ALL,
    settled: async () => {},
  };
}

export function useChaosCluster(): Topology {
  const cluster = useCluster({ nodeTimeout: FAILED_AFTER_MS, proxied: true, env: shiftableEnv });
  const observers = useObservers();

  /** Chooses a master by the seed, and returns it with its replica and the partitions that it serves. */
  async function choose(random: () => number, fleet: Fleet) {
    const masters = [...(await cluster.masters())];
    const [master, slots] = masters[Math.floor(random() * masters.length)] as [PrivateServer, number[]];
    const ports = await briefly(master.url, replicaPorts);
    const replica = cluster.nodes.find((node) => ports.includes(portOf(node))) as PrivateServer;
    return { master, replica, partitions: await partitionsIn(slots, fleet) };
  }

  async function partitionsIn(slots: readonly number[], fleet: Fleet): Promise<Set<number>> {
    const served = new Set(slots);
    const partitions = new Set<number>();
    for (const [number, { keys }] of (await fleet.partitions()).entries())
      if (served.has(await fleet.redis.cluster('KEYSLOT', keys.pulse))) partitions.add(number);
    return partitions;
  }

  const breakMaster =
    (cutOff: boolean): Break =>
    async (random, fleet) => {
      const { master, replica, partitions } = await choose(random, fleet);
      const [some] = partitions;
      const untilOver = () =>
        briefly(replica.url, (redis) => until(async () => (await redis.role())[0] === 'master'));
      const outage = await failover({ master, replica, key: `{${some}}:chaos`, cutOff, untilOver });
      await master.restart();
      await cluster.settled();
      return { ...outage, partitions };
    };

  return {
    get url() {
      return cluster.url;
    },
    get client() {
      return { nodes: cluster.proxies.map(addressOf) };
    },
    get proxies() {
      return cluster.proxies;
    },
    partitions: 64,
    fleet: () => observers.connect(cluster.url),
    masters: async () => [...(await cluster.masters()).keys()].map(({ url }) => url),
    breaks: [
      async (random, fleet) => {
        const { master, partitions } = await choose(random, fleet);
        return pause(master.url, 4000, partitions);
      },
      breakMaster(false),
      breakMaster(true),
    ],
    get servers() {
      return cluster.nodes;
    },
    async servedBy(servers, fleet) {
      const masters = [...(await cluster.masters())].filter(([master]) => servers.includes(master));
      return partitionsIn(
        masters.flatMap(([, slots]) => slots),
        fleet,
      );
    },
    settled: () => cluster.settled(),
  };
}

export function useSentinels(): Topology {
  let set: SentinelSet;
  beforeAll(async () => {
    set = await startSentinels({ downAfter: FAILED_AFTER_MS, proxied: true, env: shiftableEnv() });
  });
  afterAll(() => set.stop());
  const observers = useObservers();
  return {
    get url() {
      return set.url;
    },
    get client() {
      const password = { password: PASSWORD, sentinelPassword: PASSWORD };
      const sentinels = set.sentinels.map((sentinel) => addressOf(set.proxyOf(sentinel)));
      return { sentinels, name: MASTER_NAME, ...password };
    },
    get proxies() {
      return set.proxies;
    },
    partitions: 1,
    fleet: () => observers.connect(set.url),
    async masters() {
      await set.settled(); // waits until a server killed before is a replica
      return [withPassword((await set.master()) as PrivateServer)];
    },
    breaks: [
      async () => {
        await set.settled(); // waits until a server killed before is a replica
        const master = (await set.master()) as PrivateServer;
        const replica = set.servers.find((server) => server !== master) as PrivateServer;
        // The old master must not restart before all sentinels know the new one: it would come back empty.
        const over = () => until(async () => (await set.master()) === replica);
        const outage = await failover({
          master,
          replica,
          key: 'chaos',
          cutOff: true,
          untilOver: over,
          password: PASSWORD,
        });
        await master.restart();
        return { ...outage, partitions: ALL };
      },
    ],
    get servers() {
      return set.servers;
    },
    async servedBy(servers) {
      return servers.includes((await set.master()) as PrivateServer) ? ALL : new Set();
    },
    settled: () => set.settled(),
  };
}

/** Makes fleets whose connections the proxies do not disturb. They are closed at the end of the test file. */
function useObservers() {
  const end = new AbortController();
  afterAll(() => end.abort());
  return {
    async connect(url: string): Promise<Fleet> {
      const target = parseTarget(url);
      const observed = { ...target, options: { ...target.options, connectionName: OBSERVER } };
      const link = await connect(observed, { timeoutMs: OBSERVER_TIMEOUT_MS, signal: end.signal });
      return new Fleet(link, { requestTimeout: OBSERVER_TIMEOUT_MS });
    },
  };
}

async function pause(url: string, ms: number, partitions: ReadonlySet<number>): Promise<Outage> {
  return briefly(url, async (redis) => {
    const startedAt = Date.now();
    await redis.client('PAUSE', ms, 'ALL');
    return { kind: 'pause', partitions, began: [startedAt, Date.now()], ended: await serverNow(redis) };
  });
}

interface Failover {
  master: PrivateServer;
  replica: PrivateServer;
  /** A key that the master serves. */
  key: string;
  /** Whether the replica is stopped and disconnected first, so that the master's last writes are lost. */
  cutOff: boolean;
  /** Waits until the replica is the master. */
  untilOver: () => Promise<void>;
  password?: string;
}

async function failover({ master, replica, key, cutOff, untilOver, password }: Failover) {
  const url = password ? withPassword(master) : master.url;
  const [safeUntil, startedAt] = await briefly(url, async (redis) => {
    const safeUntil = Date.now();
    await redis.set(key, '1');
    if ((await redis.wait(1, REPLICATED_MS)) !== 1) throw new Error('the replica is behind');
    if (cutOff) {
      process.kill(replica.pid, 'SIGSTOP');
      await redis.call('CLIENT', 'KILL', 'TYPE', 'replica');
      await sleep(CUT_OFF_MS);
    }
    return [safeUntil, Date.now()];
  });
  await master.kill();
  const goneAt = Date.now();
  if (cutOff) process.kill(replica.pid, 'SIGCONT');
  await untilOver();
  const spans: { began: Span; atRisk: Span } = { began: [startedAt, goneAt], atRisk: [safeUntil, goneAt] };
  return { kind: 'failover', ...spans, ended: Date.now() } as const;
}

function withPassword({ url }: PrivateServer): string {
  return url.replace('//', `//:${PASSWORD}@`);
}

async function replicaPorts(redis: Redis): Promise<string[]> {
  const [, , replicas] = (await redis.role()) as ['master', number, [string, string, string][]];
  return replicas.map(([, port]) => port);
}

function addressOf({ port }: FaultProxy): { host: string; port: number } {
  return { host: '127.0.0.1', port };
}
