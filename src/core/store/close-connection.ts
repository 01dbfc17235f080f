/**
 * Closes a connection, and rejects the commands that wait for it. `disconnect` of ioredis is not enough: the commands of
 * a client that is connecting again would wait forever.
 */
import type { Cluster } from 'ioredis';
import { type Connection, isCluster } from './connection.js';

export function closeConnection(connection: Connection): void {
  if (isCluster(connection) && isSearchingNodes(connection)) {
    endSearch(connection);
    return;
  }
  // During the pause before ioredis connects again, `disconnect` would reject no command. `connect` starts an attempt,
  // and `disconnect` aborts it.
  if (connection.status === 'reconnecting') connection.connect().catch(() => {});
  connection.disconnect();
}

function isSearchingNodes(cluster: Cluster): boolean {
  return ['connecting', 'reconnecting'].includes(cluster.status) && cluster.nodes().length === 0;
}

/** The search ends when a node is found, and then the cluster is disconnected, or when no node is found. */
function endSearch(cluster: Cluster): void {
  cluster.options.clusterRetryStrategy = () => null;
  cluster.once('+node', () => setImmediate(() => cluster.disconnect()));
  if (cluster.status === 'reconnecting') cluster.connect().catch(() => {});
}
