/**
 * The deployments on which the contract tests run: one server, a partitioned fleet on one server, a master behind
 * Sentinel, and a cluster. A backend starts once per test file. Each fleet opened on it has its own namespace, so
 * it is empty. Connections are made by the same code as the program's; a connection left open fails the test file.
 */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { aclOf, type Role } from '../../src/core/admin/acl-roles.js';
import { declareFleet, type Writers } from '../../src/core/admin/declare-fleet.js';
import type { Topology } from '../../src/core/admin/device-login.js';
import { closeConnection } from '../../src/core/store/close-connection.js';
import { Fleet, type FleetOptions } from '../../src/core/store/fleet.js';
import type { Link } from '../../src/core/store/link.js';
import { connect } from '../../src/redis/client.js';
import { parseTarget } from '../../src/redis/target-url.js';
import { useCluster } from './cluster.js';
import { FaultProxy } from './faults/fault-proxy.js';
import { briefly, useRedis } from './redis.js';
import { ask, type SentinelSet, startSentinels } from './sentinel.js';

export interface Backend {
  readonly name: string;
  /** For further clients; of the proxies, if there are any. */
  readonly url: string;
  /** The proxies before all servers, if the backend has them. */
  readonly proxies: readonly FaultProxy[];
  /** Opens a fleet that has no devices and whose layout is declared. All fleets share one connection. */
  open(options?: OpenOptions): Promise<Fleet>;
  /** Opens the same fleet on `count` further connections. */
  beside(fleet: Fleet, count: number): Promise<Fleet[]>;
  /** How its servers are reached. */
  readonly topology: Topology;
  /** Makes a Redis user of the role for the fleet, and returns a new connection with its login. */
  login(fleet: Fleet, role: Role, ids?: readonly string[]): Promise<Link>;
}

export interface OpenOptions extends Pick<FleetOptions, 'dialect'> {
  writers?: Writers;
}

const TIMEOUT_MS = 20_000;

export interface BackendOptions {
  /** Whether clients reach each server through a proxy; default false. */
  proxied?: boolean;
}

export function oneServer(options?: BackendOptions): Backend {
  return backend('one server', useOneServer(options));
}

export function partitionedServer(options?: BackendOptions): Backend {
  return backend('one server, in partitions', useOneServer(options), 16);
}

export function sentinel(options: BackendOptions = {}): Backend {
  let set: SentinelSet;
  beforeAll(async () => {
    set = await startSentinels(options);
  });
  afterAll(() => set.stop());
  return backend('Sentinel', {
    topology: 'sentinel',
    // A client logs in to the sentinels with the name and password of the server.
    async addUser(user) {
      for (const each of set.sentinels)
        await ask(each, 'ACL', 'SETUSER', user, 'on', `>${USER_PASSWORD}`, '+@all', '&*');
    },
    get url() {
      return set.url;
    },
    get proxies() {
      return set.proxies;
    },
  });
}

export function cluster(options: BackendOptions = {}): Backend {
  const servers = useCluster({ masters: 3, replicas: 3, ...options });
  const server: Server = {
    topology: 'cluster',
    get url() {
      return servers.url;
    },
    get proxies() {
      return servers.proxies;
    },
    async addUser(_user, [name = '', ...words]) {
      for (const { url } of servers.nodes) await briefly(url, (node) => node.call(name, ...words));
    },
  };
  return backend('a cluster', server, 64);
}

interface Server {
  readonly url: string;
  readonly proxies: readonly FaultProxy[];
  readonly topology?: Topology;
  /** Sends the ACL command to the nodes that do not get it from a master, and makes the user known to sentinels. */
  addUser?(user: string, acl: readonly string[]): Promise<void>;
}

const USER_PASSWORD = 'pw';

function useOneServer({ proxied = false }: BackendOptions = {}): Server {
  const redis = useRedis();
  const proxies: FaultProxy[] = [];
  beforeAll(async () => {
    if (proxied) proxies.push(await FaultProxy.start(redis.url));
  });
  afterAll(() => Promise.all(proxies.map((proxy) => proxy.close())));
  return {
    get url() {
      return proxies[0]?.url ?? redis.url;
    },
    proxies,
  };
}

function backend(name: string, server: Server, partitions = 1): Backend {
  const { topology = 'server' } = server;
  const stop = new AbortController();
  const links: Promise<Link>[] = [];
  const loggedIn: Promise<Link>[] = [];
  let fleets = 0;
  let logins = 0;

  function link(number: number): Promise<Link> {
    links[number] ??= connect(parseTarget(server.url), { timeoutMs: TIMEOUT_MS, signal: stop.signal });
    return links[number];
  }

  afterAll(async () => {
    stop.abort();
    for (const { client } of await Promise.all([...links, ...loggedIn])) closeConnection(client);
  });

  return {
    name,
    topology,
    async login(fleet, role, ids) {
      const user = `${role}-${fleet.options.namespace}-${logins++}`;
      const { namespace = '' } = fleet.options;
      const { line } = aclOf(role, { user, namespace, partitions, topology, ...(ids && { ids }) });
      const [name = '', ...words] = [...line.split(' '), `>${USER_PASSWORD}`];
      for (const each of fleet.servers()) await each.call(name, ...words);
      await server.addUser?.(user, [name, ...words]);
      const target = parseTarget(server.url);
      const options = { ...target.options, username: user, password: USER_PASSWORD };
      const made = connect({ ...target, options }, { timeoutMs: TIMEOUT_MS, signal: stop.signal });
      loggedIn.push(made);
      return made;
    },
    get url() {
      return server.url;
    },
    get proxies() {
      return server.proxies;
    },
    async open({ writers = 'shared', ...options } = {}) {
      fleets += 1;
      const namespace = `fleet-${fleets}`;
      const fleet = new Fleet(await link(0), { namespace, requestTimeout: TIMEOUT_MS, ...options });
      await declareFleet(fleet, { partitions, writers });
      return fleet;
    },
    beside({ options }, count) {
      const numbers = Array.from({ length: count }, (_, i) => i + 1);
      return Promise.all(numbers.map(async (number) => new Fleet(await link(number), options)));
    },
  };
}

/** Returns all keys of a fleet, on all servers, with their expiry time and the bytes of DUMP. */
export async function contentsOf(fleet: Fleet): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const server of fleet.servers()) {
    for (const key of await server.keys(`${fleet.options.namespace}:*`)) {
      all[key] =
        `${await server.call('PEXPIRETIME', key)} ${(await server.dumpBuffer(key))?.toString('hex')}`;
    }
  }
  return all;
}

/** Returns all keys of the servers, with their expiry time and the bytes of DUMP; and their configuration and users. */
export async function everythingOn(servers: readonly Redis[]): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const [number, server] of servers.entries()) {
    const settings = [
      await server.config('GET', '*'),
      await server.call('ACL', 'LIST'),
      await server.call('FUNCTION', 'LIST'),
    ];
    all[`settings of server ${number}`] = JSON.stringify(settings);
    for (const key of await server.keys('*'))
      all[key] =
        `${await server.call('PEXPIRETIME', key)} ${(await server.dumpBuffer(key))?.toString('hex')}`;
  }
  return all;
}
