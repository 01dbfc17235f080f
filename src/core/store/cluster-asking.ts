/**
 * While a cluster moves a slot, ioredis sends ASKING before a redirected command. If ASKING fails, ioredis does not
 * handle the rejected promise, and the unhandled rejection would end the process. The failure can be ignored safely,
 * because the redirected command fails too and reports the error.
 */
import type { Cluster, Redis } from 'ioredis';

/**
 * Makes all nodes of a cluster client ignore a failure of ASKING, also nodes that join the cluster later. A second call
 * for the same client does nothing.
 */
export function ignoreAskingFailures(cluster: Cluster): void {
  if (cluster.listeners('+node').includes(ignoreOnNode)) return;
  cluster.on('+node', ignoreOnNode);
  for (const node of cluster.nodes()) ignoreOnNode(node);
}

function ignoreOnNode(node: Redis): void {
  Object.assign(node, { asking: () => node.call('asking').catch(() => {}) });
}
