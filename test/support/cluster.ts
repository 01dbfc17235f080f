/**
 * A cluster for one test file: masters and replicas on free ports of the loopback, formed by commands. Empty at the start of each test; whoever
 * leaves a connection open makes the file fail. What an operator does to it is here too: moving slots,
 * adding a node.
 */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { Fleet, type FleetOptions } from '../../src/core/store/fleet.js';
import { connect } from '../../src/redis/client.js';
import { type PrivateServer, startServer } from '../../src/redis/private-server.js';
import { parseTarget } from '../../src/redis/target-url.js';
import { until } from './fleet.js';
import { briefly, expectNoOthers } from './redis.js';
import { portOf } from './sentinel.js';

export const SLOTS = 16_384;
const STARTS = 3;
/** How many slots are moved at once, and how many keys of one by one command. */
const SLOTS_AT_ONCE = 20;
const KEYS_AT_ONCE = 20;

export interface ClusterOptions {
  masters?: number;
  /** All told; they are dealt out to the masters. */
  replicas?: number;
  /** A node is taken for gone when it was silent so long, ms: short for failovers, or none comes by chance. */
  nodeTimeout?: number;
}

export interface TestCluster {
  /** `redis-cluster://127.0.0.1:p1,127.0.0.1:p2,…` */
  readonly url: string;
  readonly nodes: readonly PrivateServer[];
  /** As the program connects; its connection is closed at the file's end. */
  fleet(options?: FleetOptions, timeout?: number): Promise<Fleet>;
  /** Who serves slots now, with how many; as the first node that answers sees it. */
  masters(): Promise<Map<PrivateServer, number[]>>;
  /** Who serves a slot, and another who could. */
  around(slot: number): Promise<[server: PrivateServer, another: PrivateServer]>;
  /** Moves slots from the one master to the other, as an operator does: key by key, while they are in use. */
  move(slots: readonly number[], from: PrivateServer, to: PrivateServer): Promise<void>;
  /** A further node, empty, that all know. */
  join(): Promise<PrivateServer>;
  /** Every node says that all is well, and has as many links to replicas as there are. */
  settled(): Promise<void>;
}

export function useCluster({
  masters = 3,
  replicas = 3,
  nodeTimeout = 15_000,
}: ClusterOptions = {}): TestCluster {
  const nodes: PrivateServer[] = [];
  const stops: AbortController[] = [];
  const fleets: Fleet[] = [];

  async function start(): Promise<PrivateServer> {
    const cluster = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeout)];
    const quick = ['--repl-diskless-sync-delay', '0', '--cluster-allow-replica-migration', 'no'];
    for (let attempt = 1; ; attempt++) {
      try {
        return await startServer({ port: true, args: [...cluster, ...quick] });
      } catch (error) {
        if (attempt === STARTS) throw error; // the port of its bus may have been taken
      }
    }
  }

  const alive = async (): Promise<PrivateServer[]> => {
    const answers = await Promise.all(nodes.map((node) => said(node, 'PING').catch(() => undefined)));
    return nodes.filter((_, i) => answers[i] === 'PONG');
  };

  async function settled(): Promise<void> {
    const living = await alive();
    await until(async () => {
      const seen = await Promise.all(living.map((node) => said(node, 'CLUSTER', 'INFO')));
      const links = await Promise.all(living.map((node) => said(node, 'INFO', 'replication')));
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
      const node = nodes.find((each) => portOf(each) === String(master?.[1]));
      if (!node) throw new Error(`an unknown node serves slots ${from} to ${to}`);
      const slots = Array.from({ length: to - from + 1 }, (_, i) => from + i);
      found.set(node, [...(found.get(node) ?? []), ...slots]);
    }
    return found;
  }

  beforeAll(async () => {
    nodes.push(...(await Promise.all(Array.from({ length: masters + replicas }, start))));
    const chiefs = nodes.slice(0, masters);
    await Promise.all(
      nodes.map(async (node, i) => {
        await said(node, 'CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1)); // while it knows no other
        if (i < masters) await said(node, 'CLUSTER', 'ADDSLOTSRANGE', ...rangeOf(i, masters));
      }),
    );
    await Promise.all(nodes.map((node) => meet(node, nodes)));
    await Promise.all(nodes.map((node) => knows(node, nodes.length)));
    await Promise.all(
      nodes.slice(masters).map(async (node, i) => {
        const id = await said(chiefs[i % masters] as PrivateServer, 'CLUSTER', 'MYID');
        await said(node, 'CLUSTER', 'REPLICATE', id);
      }),
    );
    await settled();
  });

  beforeEach(async () => {
    for (const node of (await mastersNow()).keys()) await said(node, 'FLUSHALL');
  });

  afterAll(async () => {
    for (const stop of stops) stop.abort();
    for (const { cluster } of fleets) cluster?.disconnect();
    try {
      for (const node of await alive()) await briefly(node.url, expectNoOthers);
    } finally {
      await Promise.all(nodes.map((node) => node.stop()));
    }
  });

  return {
    nodes,
    settled,
    masters: mastersNow,
    get url() {
      return `redis-cluster://${nodes.map((node) => `127.0.0.1:${portOf(node)}`).join()}`;
    },
    async fleet(options = {}, timeout = 10_000) {
      const stop = new AbortController();
      stops.push(stop);
      const connection = await connect(parseTarget(this.url), {
        timeoutMs: timeout,
        persistent: true,
        signal: stop.signal,
      });
      const fleet = new Fleet(connection, { requestTimeout: timeout, ...options });
      fleets.push(fleet);
      return fleet;
    },
    async around(slot) {
      const all = await mastersNow();
      const [server] = [...all].find(([, slots]) => slots.includes(slot)) ?? [];
      const another = [...all.keys()].find((node) => node !== server);
      if (!server || !another) throw new Error(`nobody serves slot ${slot}`);
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
      const living = await alive();
      await meet(node, living);
      await Promise.all(living.map((each) => knows(each, living.length)));
      await settled();
      return node;
    },
  };
}

const NAMED = { connectionName: 'test-support' };

/** One command on a connection of its own. */
async function said({ url }: PrivateServer, ...[name = '', ...args]: string[]): Promise<string> {
  return String(await briefly(url, (redis) => redis.call(name, ...args)));
}

function rangeOf(part: number, parts: number): [from: string, to: string] {
  const bound = (i: number) => Math.round((i * SLOTS) / parts);
  return [String(bound(part)), String(bound(part + 1) - 1)];
}

async function meet(node: PrivateServer, others: readonly PrivateServer[]): Promise<void> {
  for (const other of others) {
    if (other !== node) await said(node, 'CLUSTER', 'MEET', '127.0.0.1', portOf(other));
  }
}

/** Waits until a node has shaken hands with all. */
async function knows(node: PrivateServer, count: number): Promise<void> {
  await until(async () => {
    const known = (await said(node, 'CLUSTER', 'NODES')).trim().split('\n');
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
        const keys = await from.cluster('GETKEYSINSLOT', slot, KEYS_AT_ONCE);
        if (keys.length === 0) break;
        await from.call('MIGRATE', '127.0.0.1', port, '', 0, 5000, 'KEYS', ...keys);
      }
      for (const client of [to, from, ...others]) await client.cluster('SETSLOT', slot, 'NODE', target);
    }
  };
  await Promise.all(Array.from({ length: SLOTS_AT_ONCE }, worker));
}
