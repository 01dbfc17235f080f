/**
 * Which slot and which node of a cluster hold a key. The key prefix of the client is part of the key: it may have a
 * hash tag.
 */
import { type Cluster, Command, type Redis } from 'ioredis';
import { type Connection, commandOptions } from './connection.js';

/** Returns the slot of a key that is sent by this client. */
export function slotOf(connection: Connection, key: string): number {
  return new Command('exists', [key], commandOptions(connection)).getSlot();
}

/** Returns the client of the node that holds a key; undefined: the slots that were read last name no known node. */
export function nodeOf(cluster: Cluster, key: string): Redis | undefined {
  const address = cluster.slots[slotOf(cluster, key)]?.[0];
  return cluster.nodes('master').find(({ options: { host, port } }) => `${host}:${port}` === address);
}
