/**
 * Opens the connections to the nodes of a cluster. ioredis asks any node for the slots, and closes the connections to
 * nodes that are not in the reply. While slots move, the reply may lack a node that has requests to answer: such a
 * connection is closed only after the answers.
 */
import type { Socket } from 'node:net';
import type { Cluster } from 'ioredis';
import { onEvent } from '../core/async/shared-listener.js';
import { ServerConnector } from './server-connector.js';

/**
 * Returns the class of ioredis' option `Connector` for the nodes of a cluster.
 * @param cluster returns the client, which is made after the class
 * @param answerTimeMs how long a node that is dropped may take to answer what was sent to it, ms
 */
export function nodeConnector(cluster: () => Cluster, answerTimeMs: number): typeof ServerConnector {
  return class NodeConnector extends ServerConnector {
    constructor(options: unknown) {
      super(options, answerTimeMs);
    }

    /** Ends the writing side: a server answers what it has received before, then closes. */
    override disconnect(): void {
      super.disconnect();
      const stream = this.stream as Socket | undefined;
      if (!stream || stream.destroyed) return;
      const destroy = () => stream.destroy();
      if (cluster().status === 'ready') stream.once('close', onEvent(cluster(), 'end', destroy));
      else destroy();
    }
  };
}
