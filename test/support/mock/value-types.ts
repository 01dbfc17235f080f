/** The types of Redis' values, and which of them each command expects of its first key. */
export type ValueType = 'none' | 'string' | 'hash' | 'list' | 'set' | 'zset' | 'stream';

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  string: ['get', 'getex'],
  hash: ['hget', 'hgetall', 'hmget', 'hset', 'hlen', 'hdel', 'hincrby'],
  list: ['lindex', 'llen', 'lpush', 'lrange', 'ltrim', 'rpush'],
  set: ['sadd', 'scard', 'sismember', 'smembers', 'smismember', 'srandmember', 'srem', 'sscan'],
  zset: [
    'zadd',
    'zcard',
    'zcount',
    'zmscore',
    'zrange',
    'zrangebyscore',
    'zrem',
    'zrevrange',
    'zscan',
    'zscore',
  ],
  stream: ['xadd', 'xlen', 'xrange', 'xrevrange'],
};

export const TYPE_OF_COMMAND: ReadonlyMap<string, ValueType> = new Map(
  Object.entries(COMMANDS).flatMap(([type, names]) => names.map((name) => [name, type as ValueType])),
);

/** The type of a value, by how ioredis-mock keeps it. A stream is a list of its entries, each an array. */
export function typeOfValue(value: unknown): ValueType {
  if (value === undefined) return 'none';
  if (value instanceof Set) return 'set';
  if (value instanceof Map) return 'zset';
  if (Array.isArray(value)) return Array.isArray(value[0]) ? 'stream' : 'list';
  return typeof value === 'object' && !Buffer.isBuffer(value) ? 'hash' : 'string';
}
