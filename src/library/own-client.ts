/** The link of a library object: to the caller's client, or to one that the library makes. */
import type { Cluster, Redis, RedisOptions } from 'ioredis';
import type { Connection } from '../core/store/connection.js';
import type { Link } from '../core/store/link.js';
import { createLink } from '../redis/client.js';
import { ClusterLink } from '../redis/cluster-link.js';
import { ServerLink } from '../redis/server-link.js';

/**
 * The links to clients of callers. A client that several objects share has one link, so that it gets each listener
 * once.
 */
const callersLinks = new WeakMap<Connection, Link>();

/** A link, and whether the library made its client and therefore closes it. */
export interface LibraryLink {
  link: Link;
  isOwn: boolean;
}

/**
 * Returns the link to a client of the caller, or to a new client for the caller's options.
 * @param timeoutMs the request timeout, ms
 */
export function libraryLink(connection: Connection | RedisOptions, timeoutMs: number): LibraryLink {
  if (!isClient(connection)) return { link: createLink(connection, timeoutMs), isOwn: true };
  const link =
    callersLinks.get(connection) ??
    (connection.isCluster ? new ClusterLink(connection as Cluster) : new ServerLink(connection as Redis));
  callersLinks.set(connection, link);
  return { link, isOwn: false };
}

/**
 * Returns whether the argument is an ioredis client, not options for one. It looks for a method that clients have:
 * `instanceof` would be false for a client of another copy of ioredis, which the caller may use.
 */
function isClient(connection: Connection | RedisOptions): connection is Connection {
  return 'duplicate' in connection && typeof connection.duplicate === 'function';
}
