/**
 * A Redis Cluster for one test file, on free ports of the loopback interface. It is emptied before each test. A
 * connection left open fails the test file. Tests can move slots and add nodes, as an operator does.
 */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { Fleet, type FleetOptions } from '../../src/core/store/fleet.js';
import { connect } from '../../src/redis/client.js';
import { type PrivateServer, startServer } from '../../src/redis/private-server.js';
import { parseTarget } from '../../src/redis/target-url.js';
import type { FaultProxy } from './faults/fault-proxy.js';
import { ProxiedServers } from './faults/proxied-servers.js';
import { until } from './fleet.js';
import { briefly, expectNoOthers } from './redis.js';
import { portOf } from './sentinel.js';

export const SLOTS = 16_384;
const STARTS = 3;
/** The number of slots that are moved concurrently. */
const SLOTS_AT_ONCE = 20;
/** The number of keys in one MIGRATE command. */
const KEYS_AT_ONCE = 20;

export interface ClusterOptions {
  masters?: number;
  /** The number of replicas in the whole cluster; they are distributed over the masters in turn. */
  replicas?: number;
  /**
   * The time without a reply after which a node counts as failed, ms. Tests of failovers set a short one; with the
   * default, a busy machine causes no failover.
   */
  nodeTimeout?: number;
  /** Whether there is a proxy before each node, whose address the node announces; default false. */
  proxied?: boolean;
  /** The environment of the nodes, called when they are started; default: that of the test. */
  env?: () => NodeJS.ProcessEnv;
}

export interface TestCluster {
  /** `redis-cluster://127.0.0.1:p1,127.0.0.1:p2,…` */
  readonly url: string;
  readonly nodes: readonly PrivateServer[];
  /** The proxies before the nodes, if the cluster has them. */
  readonly proxies: readonly FaultProxy[];
  proxyOf(node: PrivateServer): FaultProxy;
  /** Opens a fleet on a new connection, which is closed at the end of the test file. */
  fleet(options?: FleetOptions, timeout?: number): Promise<Fleet>;
  /** Returns each master with its slots, as the first reachable node reports them. */
  masters(): Promise<Map<PrivateServer, number[]>>;
  /** Returns the master that serves a slot, and another master. */
  around(slot: number): Promise<[server: PrivateServer, another: PrivateServer]>;
  /** Moves slots to another master while clients use them, as an operator does: with SETSLOT and MIGRATE. */
  move(slots: readonly number[], from: PrivateServer, to: PrivateServer): Promise<void>;
  /** Adds an empty node; resolves when all nodes know it. */
  join(): Promise<PrivateServer>;
  /** Waits until every running node reports `cluster_state:ok` and no replica has lost its master. */
  settled(): Promise<void>;
}

export function useCluster({
  masters = 3,
  replicas = 3,
  nodeTimeout = 15_000,
  proxied = false,
  env,
}: ClusterOptions = {}): TestCluster {
  const servers = new ProxiedServers(proxied);
  const nodes: PrivateServer[] = [];
  const stops: AbortController[] = [];
  const fleets: Fleet[] = [];

  async function launch(announcedPort?: number): Promise<PrivateServer> {
    const announced = announcedPort === undefined ? [] : ['--cluster-announce-port', String(announcedPort)];
    const cluster = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeout)];
    const quick = ['--repl-diskless-sync-delay', '0', '--cluster-allow-replica-migration', 'no'];
    for (let attempt = 1; ; attempt++) {
      try {
        return await startServer({ port: true, args: [...cluster, ...quick, ...announced] }, env?.());
      } catch (error) {
        if (attempt === STARTS) throw error; // its bus port, 10000 above its port, may be in use: try other ports
      }
    }
  }

  const start = () => servers.start(launch);

  const alive = async (): Promise<PrivateServer[]> => {
    const answers = await Promise.all(nodes.map((node) => call(node, 'PING').catch(() => undefined)));
    return nodes.filter((_, i) => answers[i] === 'PONG');
  };

  async function settled(): Promise<void> {
    const running = await alive();
    await until(async () => {
      const seen = await Promise.all(running.map((node) => call(node, 'CLUSTER', 'INFO')));
      const links = await Promise.all(running.map((node) => call(node, 'INFO', 'replication')));
      return (
        seen.every((info) => info.includes('cluster_state:ok')) &&
        links.every((info) => !info.includes('master_link_status:down'))
      );
    });
  }

  async function mastersNow(): Promise<Map<PrivateServer, number[]>> {
    const [first] = await alive();
    const ranges = await briefly((first as PrivateServer).url, (redis) => redis.cluster('SLOTS'));
    const found = new Map<PrivateServer, number[]>();
    for (const [from, to, master] of ranges) {
      const node = nodes.find((each) => servers.portOf(each) === String(master?.[1]));
      if (!node) throw new Error(`an unknown node serves slots ${from} to ${to}`);
      const slots = Array.from({ length: to - from + 1 }, (_, i) => from + i);
      found.set(node, [...(found.get(node) ?? []), ...slots]);
    }
    return found;
  }

  beforeAll(async () => {
    nodes.push(...(await Promise.all(Array.from({ length: masters + replicas }, start))));
    const firstMasters = nodes.slice(0, masters);
    await Promise.all(
      nodes.map(async (node, i) => {
        await call(node, 'CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1)); // only allowed before the node knows other nodes
        if (i < masters) await call(node, 'CLUSTER', 'ADDSLOTSRANGE', ...rangeOf(i, masters));
      }),
    );
    await Promise.all(nodes.map((node) => meet(node, nodes, servers)));
    await Promise.all(nodes.map((node) => knows(node, nodes.length)));
    await Promise.all(
      nodes.slice(masters).map(async (node, i) => {
        const id = await call(firstMasters[i % masters] as PrivateServer, 'CLUSTER', 'MYID');
        await call(node, 'CLUSTER', 'REPLICATE', id);
      }),
    );
    await settled();
  });

  beforeEach(async () => {
    for (const node of (await mastersNow()).keys()) await call(node, 'FLUSHALL');
  });

  afterAll(async () => {
    for (const stop of stops) stop.abort();
    for (const { cluster } of fleets) cluster?.disconnect();
    await servers.close();
    try {
      for (const node of await alive()) await briefly(node.url, expectNoOthers);
    } finally {
      await Promise.all(nodes.map((node) => node.stop()));
    }
  });

  return {
    nodes,
    get proxies() {
      return servers.proxies;
    },
    proxyOf: (node) => servers.proxyOf(node),
    settled,
    masters: mastersNow,
    get url() {
      return `redis-cluster://${nodes.map((node) => `127.0.0.1:${servers.portOf(node)}`).join()}`;
    },
    async fleet(options = {}, timeout = 10_000) {
      const stop = new AbortController();
      stops.push(stop);
      const link = await connect(parseTarget(this.url), { timeoutMs: timeout, signal: stop.signal });
      const fleet = new Fleet(link, { requestTimeout: timeout, ...options });
      fleets.push(fleet);
      return fleet;
    },
    async around(slot) {
      const all = await mastersNow();
      const [server] = [...all].find(([, slots]) => slots.includes(slot)) ?? [];
      const another = [...all.keys()].find((node) => node !== server);
      if (!server || !another) throw new Error(`no master serves slot ${slot}`);
      return [server, another];
    },
    async move(slots, from, to) {
      const others = [...(await mastersNow()).keys()].filter((node) => node !== from && node !== to);
      const clients = [from, to, ...others].map((node) => new Redis(node.url, NAMED));
      try {
        await moveSlots(slots, clients as [Redis, Redis, ...Redis[]], portOf(to));
      } finally {
        for (const client of clients) client.disconnect();
      }
    },
    async join() {
      const node = await start();
      nodes.push(node);
      const running = await alive();
      await meet(node, running, servers);
      await Promise.all(running.map((each) => knows(each, running.length)));
      await settled();
      return node;
    },
  };
}

const NAMED = { connectionName: 'test-support' };

/** Sends one command on a new connection; returns the reply as text. */
async function call({ url }: PrivateServer, ...[name = '', ...args]: string[]): Promise<string> {
  return String(await briefly(url, (redis) => redis.call(name, ...args)));
}

function rangeOf(part: number, parts: number): [from: string, to: string] {
  const bound = (i: number) => Math.round((i * SLOTS) / parts);
  return [String(bound(part)), String(bound(part + 1) - 1)];
}

/** Introduces the others to a node, under the ports that they announce. */
async function meet(
  node: PrivateServer,
  others: readonly PrivateServer[],
  servers: ProxiedServers,
): Promise<void> {
  for (const other of others) {
    if (other === node) continue;
    const busPort = String(Number(portOf(other)) + 10_000);
    await call(node, 'CLUSTER', 'MEET', '127.0.0.1', servers.portOf(other), busPort);
  }
}

/** Waits until a node is connected to `count` nodes, itself included. */
async function knows(node: PrivateServer, count: number): Promise<void> {
  await until(async () => {
    const known = (await call(node, 'CLUSTER', 'NODES')).trim().split('\n');
    const linked = known.filter((line) => line.includes('connected') && !/handshake|fail/.test(line));
    return linked.length === count;
  });
}

async function moveSlots(
  slots: readonly number[],
  [from, to, ...others]: readonly [Redis, Redis, ...Redis[]],
  port: string,
): Promise<void> {
  const [source, target] = (await Promise.all([from, to].map((client) => client.cluster('MYID')))) as [
    string,
    string,
  ];
  const rest = slots.values();
  const worker = async () => {
    for (const slot of rest) {
      await to.cluster('SETSLOT', slot, 'IMPORTING', source);
      await from.cluster('SETSLOT', slot, 'MIGRATING', target);
      for (;;) {
        const keys = (await from.call('CLUSTER', 'GETKEYSINSLOT', slot, KEYS_AT_ONCE)) as string[];
        if (keys.length === 0) break;
        await from.call('MIGRATE', '127.0.0.1', port, '', 0, 5000, 'KEYS', ...keys);
      }
      for (const client of [to, from, ...others]) await client.cluster('SETSLOT', slot, 'NODE', target);
    }
  };
  await Promise.all(Array.from({ length: SLOTS_AT_ONCE }, worker));
}
