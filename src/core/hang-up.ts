import type { Connection } from './fleet.js';

/**
 * Ends a connection, and rejects what waits for it: `disconnect` alone leaves the commands
 * of a client that is coming back waiting for ever.
 */
export function hangUp(connection: Connection): void {
  if (connection.isCluster && connection.status === 'reconnecting') {
    // It can be ended, and tells so, once it has a node again to look for.
    connection.once('+node', () => setImmediate(() => connection.disconnect()));
    connection.connect().catch(() => {});
    return;
  }
  if (connection.status === 'reconnecting') connection.connect().catch(() => {});
  connection.disconnect();
}
