/** What every request is made of: the client that sends it, and the command as data. */
import type { Cluster, Redis } from 'ioredis';

/** A client of one server (found directly or through Sentinel), or of a cluster. */
export type Connection = Redis | Cluster;

/** A Redis command: its name and its arguments. */
export type Command = readonly [name: string, ...args: (string | number)[]];
