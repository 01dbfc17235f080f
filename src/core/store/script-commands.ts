/** The Redis commands that scripts may send, and the Redis types of the keys that scripts use. */

/** The Redis types of keys, as the command TYPE names them. */
export type KeyType = 'set' | 'zset' | 'stream' | 'string' | 'hash' | 'list';

/** Every Redis command that a script sends, with the type of the keys that it is sent for. */
export const KEYS_OF_COMMANDS = {
  TIME: 'none',
  PUBLISH: 'channel',
  DEL: 'any',
  EXISTS: 'any',
  PTTL: 'any',
  PEXPIRE: 'any',
  PEXPIREAT: 'any',
  GET: 'string',
  SET: 'string',
  HGET: 'hash',
  HLEN: 'hash',
  HMGET: 'hash',
  HSET: 'hash',
  HSTRLEN: 'hash',
  LINDEX: 'list',
  LTRIM: 'list',
  RPUSH: 'list',
  SADD: 'set',
  SCARD: 'set',
  SREM: 'set',
  XADD: 'stream',
  XLEN: 'stream',
  ZADD: 'zset',
  ZCARD: 'zset',
  ZCOUNT: 'zset',
  ZRANGEBYSCORE: 'zset',
  ZREM: 'zset',
  ZSCORE: 'zset',
} as const satisfies Record<string, KeyType | 'none' | 'any' | 'channel'>;

export type ScriptCommand = keyof typeof KEYS_OF_COMMANDS;

/** The least number of arguments of each command, its name not included. */
export const LEAST_ARGUMENTS: Readonly<Record<ScriptCommand, number>> = {
  TIME: 0,
  PUBLISH: 2,
  DEL: 1,
  EXISTS: 1,
  PTTL: 1,
  PEXPIRE: 2,
  PEXPIREAT: 2,
  GET: 1,
  SET: 2,
  HGET: 2,
  HLEN: 1,
  HMGET: 2,
  HSET: 3,
  HSTRLEN: 2,
  LINDEX: 2,
  LTRIM: 3,
  RPUSH: 2,
  SADD: 2,
  SCARD: 1,
  SREM: 2,
  XADD: 4,
  XLEN: 1,
  ZADD: 3,
  ZCARD: 1,
  ZCOUNT: 3,
  ZRANGEBYSCORE: 3,
  ZREM: 2,
  ZSCORE: 2,
};
