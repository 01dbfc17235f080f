/**
 * A Sentinel deployment: a master, its replica and three sentinels, on free ports of the loopback interface. All
 * require the same password. The caller stops it.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { type PrivateServer, startServer } from '../../src/redis/private-server.js';
import type { FaultProxy } from './faults/fault-proxy.js';
import { ProxiedServers } from './faults/proxied-servers.js';
import { until } from './fleet.js';

export const MASTER_NAME = 'fleet-1';
export const PASSWORD = 's3same';
const SENTINELS = 3;

export interface SentinelSet {
  /** `redis-sentinel://:s3same@h1:p1,h2:p2,h3:p3#fleet-1` */
  readonly url: string;
  readonly sentinels: readonly PrivateServer[];
  readonly servers: readonly PrivateServer[];
  /** The proxies before the servers and the sentinels, if the set has them. */
  readonly proxies: readonly FaultProxy[];
  proxyOf(server: PrivateServer): FaultProxy;
  /** Returns the server that all sentinels report as the master; undefined while they disagree. */
  master(): Promise<PrivateServer | undefined>;
  /** Waits until a failover is possible: the replica is online, and every sentinel knows it and the other sentinels. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export interface SentinelOptions {
  /**
   * The time without a reply after which the sentinels take a server for failed, ms. Tests that load the machine need
   * a longer one, or a slow reply causes a failover.
   */
  downAfter?: number;
  /** Whether there is a proxy before each server and sentinel, whose address is announced; default false. */
  proxied?: boolean;
  /** The environment of the data servers; default: that of the test. */
  env?: NodeJS.ProcessEnv;
}

export async function startSentinels({
  downAfter = 500,
  proxied = false,
  env,
}: SentinelOptions = {}): Promise<SentinelSet> {
  const behind = new ProxiedServers(proxied);
  const secret = ['--requirepass', PASSWORD, '--masterauth', PASSWORD, '--repl-diskless-sync-delay', '0'];
  const startData = (...args: string[]) =>
    behind.start((port) => {
      const announced = port === undefined ? [] : ['--replica-announce-port', String(port)];
      return startServer({ port: true, args: [...secret, ...announced, ...args] }, env);
    });
  const first = await startData();
  const servers = [first, await startData('--replicaof', '127.0.0.1', behind.portOf(first))];
  const config = [
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${behind.portOf(first)} 2`,
    `sentinel auth-pass ${MASTER_NAME} ${PASSWORD}`,
    `sentinel down-after-milliseconds ${MASTER_NAME} ${downAfter}`,
    `sentinel failover-timeout ${MASTER_NAME} 2000`,
  ];
  const startSentinel = (port?: number) => {
    const announced = port === undefined ? [] : [`sentinel announce-port ${port}`];
    return startServer({
      port: true,
      config: [...config, ...announced].join('\n'),
      args: ['--sentinel', '--requirepass', PASSWORD],
    });
  };
  const sentinels = await Promise.all(Array.from({ length: SENTINELS }, () => behind.start(startSentinel)));

  async function master(): Promise<PrivateServer | undefined> {
    const command = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME];
    const answers = await Promise.all(sentinels.map((sentinel) => ask(sentinel, ...command)));
    const [port, ...others] = new Set(answers.map((answer) => (answer as string[])[1]));
    return others.length === 0 ? servers.find((server) => behind.portOf(server) === port) : undefined;
  }

  async function settled(): Promise<void> {
    await until(async () => {
      const found = await master();
      if (!found || !String(await ask(found, 'INFO', 'replication')).includes('state=online')) return false;
      const known = await Promise.all(
        sentinels.map((sentinel) => ask(sentinel, 'SENTINEL', 'MASTER', MASTER_NAME)),
      );
      // The reply alternates names and values.
      return known.every((flat) => {
        const about = flat as string[];
        const value = (name: string) => about[about.indexOf(name) + 1];
        return (
          value('flags') === 'master' &&
          value('num-slaves') === '1' &&
          value('num-other-sentinels') === String(SENTINELS - 1)
        );
      });
    });
  }

  await settled();
  return {
    url: `redis-sentinel://:${PASSWORD}@${sentinels.map((each) => `127.0.0.1:${behind.portOf(each)}`).join()}#${MASTER_NAME}`,
    sentinels,
    servers,
    master,
    settled,
    get proxies() {
      return behind.proxies;
    },
    proxyOf: (server) => behind.proxyOf(server),
    async stop() {
      await behind.close();
      await Promise.all([...sentinels, ...servers].map((each) => each.stop()));
    },
  };
}

export function portOf({ url }: PrivateServer): string {
  return new URL(url).port;
}

/** Sends one command on a new connection. */
export async function ask(server: PrivateServer, ...[name = '', ...args]: string[]): Promise<unknown> {
  const redis = new Redis(server.url, { username: 'default', password: PASSWORD, retryStrategy: () => null });
  redis.on('error', () => {}); // the command rejects with the error
  try {
    return await redis.call(name, ...args);
  } finally {
    redis.disconnect();
  }
}

/**
 * Starts a server that answers the query for the master's address as a sentinel does: with the given ports one after
 * the other, then always with the last one. Returns the server's port. It closes when the test has finished.
 */
export async function pretendSentinel(masters: readonly string[], tls?: TlsOptions): Promise<number> {
  const ports = [...masters];
  const answer = (socket: Socket) =>
    socket
      .on('error', () => {})
      .on('data', (sent) => {
        if (!sent.includes('GET-MASTER-ADDR-BY-NAME')) return socket.write('-ERR nothing else\r\n');
        const port = (ports.length > 1 ? ports.shift() : ports[0]) as string;
        return socket.write(`*2\r\n$9\r\n127.0.0.1\r\n$${port.length}\r\n${port}\r\n`);
      });
  const server = tls ? createTlsServer(tls, answer) : createServer(answer);
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}
