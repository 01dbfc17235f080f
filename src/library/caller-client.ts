/** The Redis client that the caller of the library made, with ioredis 5.3 or a later 5.x, or the options for one. */
import type { RedisOptions } from 'ioredis';
import { usageError } from '../core/model/errors.js';
import type { Connection } from '../core/store/connection.js';

/**
 * A client of ioredis 5: for one Redis server (found directly or through Sentinel), or for a cluster. The type names
 * only a part of a client, so that the types of every version from 5.3 on fit.
 */
export interface RedisClient {
  readonly options: object;
  readonly status: string;
  readonly isCluster: boolean;
  duplicate(...args: never[]): unknown;
  disconnect(reconnect?: boolean): void;
  sendCommand(command: never, stream?: never): unknown;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** Options whose types are not compatible between versions of ioredis. */
type VersionedOption = 'Connector' | 'preferredSlaves';

/** Options of an ioredis client, as every version from 5.3 on has them. */
export type ClientOptions = Omit<RedisOptions, VersionedOption> & Partial<Record<VersionedOption, unknown>>;

/** An option that every client of ioredis 6 has, and no client of ioredis 5. */
const OPTION_OF_IOREDIS_6 = 'himportFieldsets';

/**
 * Returns what the caller passed, a client or options for one, with the type that devstate uses.
 * @throws DevstateError USAGE: it is a client, but not one of ioredis 5
 */
export function supportedClient(connection: RedisClient | ClientOptions): Connection | RedisOptions {
  if (!('duplicate' in connection)) return connection as RedisOptions;
  const { options, status, isCluster, sendCommand } = connection as Partial<RedisClient>;
  const isIoredis =
    typeof options === 'object' &&
    typeof status === 'string' &&
    typeof isCluster === 'boolean' &&
    typeof sendCommand === 'function';
  if (isIoredis && !(OPTION_OF_IOREDIS_6 in options)) return connection as unknown as Connection;
  throw usageError('the client must be one of ioredis 5, from 5.3 on');
}
