/** The connection of a library object: the caller's client, or one that the library makes. */
import { Redis, type RedisOptions } from 'ioredis';
import type { Connection } from '../core/store/connection.js';

/**
 * Returns whether the argument is a client, not options for one. The test is a method that clients have, not the class,
 * because the caller may use another copy of ioredis.
 */
export function isClient(connection: Connection | RedisOptions): connection is Connection {
  return 'duplicate' in connection && typeof connection.duplicate === 'function';
}

/**
 * Returns a new client. Its connection errors are ignored, because ioredis would print errors without a listener, and
 * each command that fails because of a connection error rejects.
 */
export function makeClient(options: RedisOptions): Redis {
  return new Redis(options).on('error', () => {});
}
