/** The connection of a library object: the caller's client, or one that the library makes. */
import { Redis, type RedisOptions } from 'ioredis';
import type { Connection } from '../core/store/connection.js';

/** Tells clients from options by a method, not by class: the caller may use another copy of ioredis. */
export function isClient(connection: Connection | RedisOptions): connection is Connection {
  return 'duplicate' in connection && typeof connection.duplicate === 'function';
}

/** Without the listener, ioredis would print connection errors. Each command that fails because of one rejects. */
export function makeClient(options: RedisOptions): Redis {
  return new Redis(options).on('error', () => {});
}
