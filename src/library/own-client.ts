/** The connection of a library object: the caller's client, or one that the library makes. */
import { Redis, type RedisOptions } from 'ioredis';
import type { Connection } from '../core/store/connection.js';

/**
 * Returns whether the argument is an ioredis client, not options for one. It looks for a method that clients have:
 * `instanceof` would be false for a client of another copy of ioredis, which the caller may use.
 */
export function isClient(connection: Connection | RedisOptions): connection is Connection {
  return 'duplicate' in connection && typeof connection.duplicate === 'function';
}

/**
 * Returns a new client. Its `error` events have a listener that does nothing: without a listener ioredis would print
 * the errors, and the caller learns of them anyway, because each command that fails with one rejects. The ready check
 * is off: ioredis would print a refusal of its INFO as the server wrote it.
 * @param role with `device`, commands are not sent again after a reconnection: see `store/fenced-write.ts`
 */
export function makeClient(options: RedisOptions, role?: 'device'): Redis {
  return new Redis({
    ...options,
    enableReadyCheck: false,
    ...(role === 'device' && { autoResendUnfulfilledCommands: false }),
  }).on('error', () => {});
}
