/** The client that sends requests, and a command as data. */
import type { Cluster, Redis, Command as RedisCommand } from 'ioredis';

/** A client of one server (found directly or through Sentinel), or of a cluster. */
export type Connection = Redis | Cluster;

/** A Redis command: its name and its arguments. */
export type Command = readonly [name: string, ...args: (string | number)[]];

export type CommandOptions = NonNullable<ConstructorParameters<typeof RedisCommand>[2]>;

/** Returns the options that ioredis gives to the commands of this connection. */
export function commandOptions({ options: { keyPrefix = '' } }: Connection): CommandOptions {
  return { replyEncoding: 'utf8', keyPrefix };
}

export function isCluster(connection: Connection): connection is Cluster {
  return connection.isCluster;
}
