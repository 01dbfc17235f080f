/** closeConnection ends a cluster client that has found no node, and rejects the commands that wait for one. */
import { Cluster, type ClusterOptions } from 'ioredis';
import { expect, test } from 'vitest';
import { closeConnection } from '../../../src/core/store/close-connection.js';

const statusEvent = (cluster: Cluster, status: string) =>
  new Promise<void>((resolve) => cluster.once(status, () => resolve()));

test.each<[what: string, host: string, options: ClusterOptions]>([
  ['do not reply', '127.0.0.1', {}],
  ['have no address', 'nowhere', { dnsLookup: (_name, done) => done(new Error('no such host'), '') }],
])('a cluster client whose nodes %s is closed', async (_what, host, options) => {
  for (const status of ['connecting', 'reconnecting']) {
    const cluster = new Cluster([{ host, port: 1 }], { ...options, clusterRetryStrategy: () => 60_000 });
    cluster.on('error', () => {});
    const waiting = cluster.get('key').catch((error: Error) => error);
    if (status === 'reconnecting') await statusEvent(cluster, status);
    expect([cluster.status, cluster.nodes()]).toEqual([status, []]);
    const ended = statusEvent(cluster, 'end');
    closeConnection(cluster);
    await ended;
    expect(await waiting).toBeInstanceOf(Error);
  }
});
