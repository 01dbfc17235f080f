/**
 * Sentinel for one test file: a master, its replica, and three sentinels that soon find a server
 * gone; all on free ports of the loopback, and all ask for a password.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { type PrivateServer, startServer } from '../../src/redis/private-server.js';
import { until } from './fleet.js';

export const MASTER_NAME = 'fleet-1';
export const PASSWORD = 's3same';
const SENTINELS = 3;

export interface SentinelSet {
  /** `redis-sentinel://:s3same@h1:p1,h2:p2,h3:p3#fleet-1` */
  readonly url: string;
  readonly sentinels: readonly PrivateServer[];
  readonly servers: readonly PrivateServer[];
  /** What all sentinels take for the master; undefined where they do not agree yet. */
  master(): Promise<PrivateServer | undefined>;
  /** Waits until the master has a replica that could take its place. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

/** @param downAfter how long a server is silent that is taken for gone, ms: where much runs beside it, longer */
export async function startSentinels(downAfter = 500): Promise<SentinelSet> {
  const secret = ['--requirepass', PASSWORD, '--masterauth', PASSWORD, '--repl-diskless-sync-delay', '0'];
  const first = await startServer({ port: true, args: secret });
  const replica = ['--replicaof', '127.0.0.1', portOf(first)];
  const servers = [first, await startServer({ port: true, args: [...secret, ...replica] })];
  const config = [
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${portOf(first)} 2`,
    `sentinel auth-pass ${MASTER_NAME} ${PASSWORD}`,
    `sentinel down-after-milliseconds ${MASTER_NAME} ${downAfter}`,
    `sentinel failover-timeout ${MASTER_NAME} 2000`,
  ].join('\n');
  const sentinels = await Promise.all(
    Array.from({ length: SENTINELS }, () =>
      startServer({ port: true, config, args: ['--sentinel', '--requirepass', PASSWORD] }),
    ),
  );

  async function master(): Promise<PrivateServer | undefined> {
    const command = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME];
    const answers = await Promise.all(sentinels.map((sentinel) => ask(sentinel, ...command)));
    const [port, ...others] = new Set(answers.map((answer) => (answer as string[])[1]));
    return others.length === 0 ? servers.find((server) => portOf(server) === port) : undefined;
  }

  async function settled(): Promise<void> {
    await until(async () => {
      const found = await master();
      if (!found || !String(await ask(found, 'INFO', 'replication')).includes('state=online')) return false;
      const known = await Promise.all(
        sentinels.map((sentinel) => ask(sentinel, 'SENTINEL', 'MASTER', MASTER_NAME)),
      );
      // Flat names and values, as it replies.
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
    url: `redis-sentinel://:${PASSWORD}@${sentinels.map((each) => `127.0.0.1:${portOf(each)}`).join()}#${MASTER_NAME}`,
    sentinels,
    servers,
    master,
    settled,
    stop: async () => void (await Promise.all([...sentinels, ...servers].map((each) => each.stop()))),
  };
}

export function portOf({ url }: PrivateServer): string {
  return new URL(url).port;
}

/** One command on a connection of its own. */
export async function ask(server: PrivateServer, ...[name = '', ...args]: string[]): Promise<unknown> {
  const redis = new Redis(server.url, { username: 'default', password: PASSWORD, retryStrategy: () => null });
  redis.on('error', () => {}); // the command says it
  try {
    return await redis.call(name, ...args);
  } finally {
    redis.disconnect();
  }
}

/**
 * What a sentinel says, without one: of each port in turn, the last for good, that there is the
 * master. Gives its own port.
 */
export async function pretendSentinel(masters: readonly string[], tls?: TlsOptions): Promise<number> {
  const left = [...masters];
  const answer = (socket: Socket) =>
    socket
      .on('error', () => {})
      .on('data', (sent) => {
        if (!sent.includes('GET-MASTER-ADDR-BY-NAME')) return socket.write('-ERR nothing else\r\n');
        const port = (left.length > 1 ? left.shift() : left[0]) as string;
        return socket.write(`*2\r\n$9\r\n127.0.0.1\r\n$${port.length}\r\n${port}\r\n`);
      });
  const server = tls ? createTlsServer(tls, answer) : createServer(answer);
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}
