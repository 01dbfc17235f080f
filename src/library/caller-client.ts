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

/** Options of a client that decide what its replies are; `scaleReads` and `redisOptions` are those of a cluster. */
interface CallersOptions {
  scaleReads?: unknown;
  stringNumbers?: boolean;
  redisOptions?: { stringNumbers?: boolean };
}

/** An option that every client of ioredis 6 has, and no client of ioredis 5. */
const OPTION_OF_IOREDIS_6 = 'himportFieldsets';

/**
 * Returns what the caller passed, a client or options for one, with the type that devstate uses.
 * @throws DevstateError USAGE: it is a client, but not one of ioredis 5, or its options make replies unusable
 */
export function supportedClient(connection: RedisClient | ClientOptions): Connection | RedisOptions {
  if (!('duplicate' in connection)) return connection as RedisOptions;
  const { options, status, isCluster, sendCommand } = connection as Partial<RedisClient>;
  const isIoredis =
    typeof options === 'object' &&
    typeof status === 'string' &&
    typeof isCluster === 'boolean' &&
    typeof sendCommand === 'function';
  if (!isIoredis || OPTION_OF_IOREDIS_6 in options)
    throw usageError('the client must be one of ioredis 5, from 5.3 on');
  assertUsableReplies(options);
  return connection as unknown as Connection;
}

/** @throws DevstateError USAGE: the client reads from replicas, which lag behind, or replies texts for numbers */
function assertUsableReplies({ scaleReads = 'master', stringNumbers, redisOptions }: CallersOptions): void {
  // From replicas, the parts of a scan would come from several servers, and a read would lack what was just written.
  if (scaleReads !== 'master')
    throw usageError("the client must have scaleReads: 'master', which is the default");
  if (stringNumbers || redisOptions?.stringNumbers)
    throw usageError('the client must not have stringNumbers: true');
}
