/**
 * Closes a connection to Redis, and rejects the commands that wait for a reply. The method `disconnect` of ioredis
 * alone is not enough: while the client is reconnecting, it may leave these commands waiting forever.
 */
import type { Cluster } from 'ioredis';
import { type Connection, isCluster } from './connection.js';

export function closeConnection(connection: Connection): void {
  if (isCluster(connection) && isSearchingNodes(connection)) {
    endSearch(connection);
    return;
  }
  // `disconnect` rejects the waiting commands only if it aborts an attempt to connect. During the pause between two
  // attempts there is none to abort, so `connect` starts one, which `disconnect` then aborts.
  if (connection.status === 'reconnecting') connection.connect().catch(() => {});
  connection.disconnect();
}

function isSearchingNodes(cluster: Cluster): boolean {
  return ['connecting', 'reconnecting'].includes(cluster.status) && cluster.nodes().length === 0;
}

/**
 * Ends a cluster client that is still searching for the nodes of its cluster: it is disconnected as soon as it finds a
 * node, and if it finds none, it does not search again.
 */
function endSearch(cluster: Cluster): void {
  cluster.options.clusterRetryStrategy = () => null;
  cluster.once('+node', () => setImmediate(() => cluster.disconnect()));
  if (cluster.status === 'reconnecting') cluster.connect().catch(() => {});
}
