/** A cluster that is looking for its nodes, for the first time or again, ends when it is told to, with what waits for it. */
import { Cluster, type ClusterOptions } from 'ioredis';
import { expect, test } from 'vitest';
import { closeConnection } from '../../../src/core/store/close-connection.js';

const told = (cluster: Cluster, status: string) =>
  new Promise<void>((resolve) => cluster.once(status, () => resolve()));

test.each<[what: string, host: string, options: ClusterOptions]>([
  ['are away', '127.0.0.1', {}],
  ['cannot be found', 'nowhere', { dnsLookup: (_name, done) => done(new Error('no such host'), '') }],
])('nodes that %s', async (_what, host, options) => {
  for (const status of ['connecting', 'reconnecting']) {
    const cluster = new Cluster([{ host, port: 1 }], { ...options, clusterRetryStrategy: () => 60_000 });
    cluster.on('error', () => {});
    const waiting = cluster.get('key').catch((error: Error) => error);
    if (status === 'reconnecting') await told(cluster, status);
    expect([cluster.status, cluster.nodes()]).toEqual([status, []]);
    const ended = told(cluster, 'end');
    closeConnection(cluster);
    await ended;
    expect(await waiting).toBeInstanceOf(Error);
  }
});
