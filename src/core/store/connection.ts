/** The types of the Redis client that sends requests, and of the options of a command. */
import type { Cluster, Redis, Command as RedisCommand } from 'ioredis';

/** A client of ioredis: for one Redis server (found directly or through Sentinel), or for a cluster. */
export type Connection = Redis | Cluster;

export type CommandOptions = NonNullable<ConstructorParameters<typeof RedisCommand>[2]>;

/**
 * Returns the options for an ioredis command object that devstate makes itself: its reply is decoded as text, and its
 * keys get the key prefix of the client, as in commands that are sent by a method of the client.
 */
export function commandOptions({ options: { keyPrefix = '' } }: Connection): CommandOptions {
  return { replyEncoding: 'utf8', keyPrefix };
}

export function isCluster(connection: Connection): connection is Cluster {
  return connection.isCluster;
}
