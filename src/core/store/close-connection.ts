/**
 * Ends a connection, and rejects what waits for it: `disconnect` alone leaves the commands
 * of a client that is coming back waiting for ever.
 */
import type { Cluster } from 'ioredis';
import type { Connection } from './connection.js';

export function closeConnection(connection: Connection): void {
  if (connection.isCluster && isSearching(connection as Cluster)) {
    endSearch(connection as Cluster);
    return;
  }
  if (connection.status === 'reconnecting') connection.connect().catch(() => {});
  connection.disconnect();
}

/** It knows no node yet, or none any more. */
function isSearching(cluster: Cluster): boolean {
  return ['connecting', 'reconnecting'].includes(cluster.status) && cluster.nodes().length === 0;
}

/** It can be ended, and tells so, once it has a node to leave, or has not found any. */
function endSearch(cluster: Cluster): void {
  cluster.options.clusterRetryStrategy = () => null;
  cluster.once('+node', () => setImmediate(() => cluster.disconnect()));
  if (cluster.status === 'reconnecting') cluster.connect().catch(() => {});
}
