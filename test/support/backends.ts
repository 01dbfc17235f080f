/**
 * Where the contract must hold: one server, a fleet in partitions on it, a master found by Sentinel, a
 * cluster. Each starts once for a test file; each fleet that is opened there has a namespace of its own, so
 * that it is empty. As the program connects; whoever leaves a connection open makes the file fail.
 */
import { afterAll, beforeAll } from 'vitest';
import { declareFleet, type Writers } from '../../src/core/admin/declare-fleet.js';
import { closeConnection } from '../../src/core/store/close-connection.js';
import type { Connection } from '../../src/core/store/connection.js';
import { Fleet, type FleetOptions } from '../../src/core/store/fleet.js';
import { connect } from '../../src/redis/client.js';
import { parseTarget } from '../../src/redis/target-url.js';
import { useCluster } from './cluster.js';
import { useRedis } from './redis.js';
import { type SentinelSet, startSentinels } from './sentinel.js';

export interface Backend {
  readonly name: string;
  /** A fleet without devices, its layout declared; all are on one connection. */
  open(options?: OpenOptions): Promise<Fleet>;
  /** The same fleet on so many other connections. */
  beside(fleet: Fleet, count: number): Promise<Fleet[]>;
}

export interface OpenOptions extends Pick<FleetOptions, 'dialect'> {
  writers?: Writers;
}

const TIMEOUT_MS = 20_000;

export function oneServer(): Backend {
  return backend('one server', useRedis());
}

export function partitionedServer(): Backend {
  return backend('one server, in partitions', useRedis(), 16);
}

export function sentinel(): Backend {
  let set: SentinelSet;
  beforeAll(async () => {
    set = await startSentinels();
  });
  afterAll(() => set.stop());
  return backend('Sentinel', {
    get url() {
      return set.url;
    },
  });
}

export function cluster(): Backend {
  return backend('a cluster', useCluster({ masters: 3, replicas: 3 }), 64);
}

function backend(name: string, place: { readonly url: string }, partitions = 1): Backend {
  const stop = new AbortController();
  const connections: Promise<Connection>[] = [];
  let fleets = 0;

  function connection(number: number): Promise<Connection> {
    connections[number] ??= connect(parseTarget(place.url), {
      timeoutMs: TIMEOUT_MS,
      persistent: true,
      signal: stop.signal,
    });
    return connections[number];
  }

  afterAll(async () => {
    stop.abort();
    for (const each of await Promise.all(connections)) closeConnection(each);
  });

  return {
    name,
    async open({ writers = 'shared', ...options } = {}) {
      fleets += 1;
      const namespace = `fleet-${fleets}`;
      const fleet = new Fleet(await connection(0), { namespace, requestTimeout: TIMEOUT_MS, ...options });
      await declareFleet(fleet, { partitions, writers });
      return fleet;
    },
    beside({ options }, count) {
      const numbers = Array.from({ length: count }, (_, i) => i + 1);
      return Promise.all(numbers.map(async (number) => new Fleet(await connection(number), options)));
    },
  };
}

/** All that Redis holds of a fleet, wherever, to the byte. */
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
