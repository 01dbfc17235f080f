/** The link to a cluster closes the clients of nodes that ioredis no longer knows. */
import { EventEmitter } from 'node:events';
import { type Cluster, Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ClusterLink } from '../../src/redis/cluster-link.js';

test('once each, also if many nodes end before they have answered', () => {
  const forgotten = Array.from({ length: 12 }, () => new Redis({ lazyConnect: true }));
  onTestFinished(() => {
    for (const node of forgotten) node.disconnect();
  });
  const closed = forgotten.map((node) => vi.spyOn(node, 'disconnect').mockReturnValueOnce());
  const cluster = Object.assign(new EventEmitter(), {
    status: 'ready',
    nodes: () => forgotten,
    refreshSlotsCache: () => {},
  });
  new ClusterLink(cluster as unknown as Cluster, { ownTimeoutMs: 1000 });
  cluster.nodes = () => [];
  for (const node of forgotten) cluster.emit('-node', node);
  expect(closed.map(({ mock }) => mock.calls.length)).toEqual(forgotten.map(() => 1));
});
