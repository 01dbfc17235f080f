/**
 * While a cluster moves a slot, ioredis sends ASKING before a redirected command, and does not handle the rejection if
 * that fails: the unhandled rejection would end the process. The failure itself needs no handling, because the command
 * after ASKING fails too.
 */
import type { Cluster, Redis } from 'ioredis';

/** Makes a failed ASKING harmless, for all nodes and those that join later. It is done once for each cluster client. */
export function ignoreAskingFailures(cluster: Cluster): void {
  if (cluster.listeners('+node').includes(ignoreOnNode)) return;
  cluster.on('+node', ignoreOnNode);
  for (const node of cluster.nodes()) ignoreOnNode(node);
}

function ignoreOnNode(node: Redis): void {
  Object.assign(node, { asking: () => node.call('asking').catch(() => {}) });
}
