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
  GET: 'string',
  GETEX: 'string',
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
  ZRANGEBYSCORE: 'zset',
  ZREM: 'zset',
  ZSCORE: 'zset',
} as const satisfies Record<string, KeyType | 'none' | 'any' | 'channel'>;

export type ScriptCommand = keyof typeof KEYS_OF_COMMANDS;
