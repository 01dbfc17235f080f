/** Random commands of an attacker who has a login of Redis and knows the fleet's keys, which a seed repeats. */
import { randomNumbers, randomPicker } from './random.mjs';

export interface AttackPool {
  /** Keys that the login may probably use. */
  own: readonly string[];
  /** Keys, own and others, and names that are nearly theirs. */
  keys: readonly string[];
  channels: readonly string[];
}

/** Commands that are sent together: one, or a transaction. */
export type Attack = readonly (readonly string[])[];

const MAX_ID = '18446744073709551615-18446744073709551615';

/** K: a key, O: a key of its own, C: a channel, V: a value. Other words are sent as they are. */
const TEMPLATES = `
SET K V|SET K V GET|SET K V PXAT 1|SET O V PX 1000|SETEX K 1 V|PSETEX K 1 V|SETNX K V|GETSET K V|GETDEL K|GETEX K PERSIST
GETEX K PX 1|APPEND K V|SETRANGE K 0 V|INCR K|DECRBY K 5|MSET O V K V|MSETNX O V K V|DEL K|DEL O K|UNLINK K|EXPIRE K 1
PEXPIREAT K 1|PERSIST K|TOUCH K|RENAME O K|RENAME K O|RENAMENX K O|COPY O K REPLACE|COPY K O REPLACE|COPY O O DB 1|MOVE K 1
RESTORE K 0 V REPLACE|MIGRATE 127.0.0.1 6379 K 0 100|SORT O STORE K|SORT K BY nosort GET device:* STORE K|SORT_RO K
LPUSH K V|RPUSH K V|RPUSH O V|LTRIM K 1 0|LSET K 0 V|LREM K 0 V|LINSERT K BEFORE V V|LMOVE O K LEFT LEFT|RPOPLPUSH O K
LPOP K|BLMOVE O K LEFT LEFT 0.01|SADD K V|SREM K sensor-2|SPOP K|SMOVE K K V|SUNIONSTORE K O|SINTERSTORE K K|SDIFFSTORE K K
ZADD K 1 sensor-2|ZREM K sensor-2|ZREMRANGEBYRANK K 0 -1|ZINCRBY K 5 V|ZRANGESTORE K K 0 -1|ZUNIONSTORE K 1 K|ZPOPMIN K
HSET K deviceId V|HSET O reportedState V|HDEL K deviceId|HINCRBY K lastSeen 1|HSETNX K x V|HGET K deviceId|HMGET K status
XADD K ${MAX_ID} a b|XADD K * a b|XTRIM K MAXLEN 0|XDEL K 1-1|XSETID K ${MAX_ID}|XGROUP CREATE K g $ MKSTREAM
XREADGROUP GROUP g c STREAMS K >|PFADD K V|PFMERGE K K|SETBIT K 1 1|BITOP NOT K O|BITFIELD K SET u8 0 1|GEOADD K 1 1 V
GEOSEARCHSTORE K K FROMLONLAT 1 1 BYRADIUS 1 m|EVAL return(redis.call('del',KEYS[1])) 1 K
EVAL return(redis.call('set',ARGV[1],'x')) 0 K|EVAL return(redis.call('publish',ARGV[1],'x')) 0 C
EVAL return(redis.call('rename',KEYS[1],ARGV[1])) 1 O K|EVAL return(redis.call('config','set','maxmemory','1')) 0
EVALSHA 0000000000000000000000000000000000000000 1 K|EVAL_RO return(redis.call('set',KEYS[1],'x')) 1 K|FCALL f 1 K
SCRIPT FLUSH|SCRIPT LOAD return(1)|SCRIPT KILL|FUNCTION FLUSH|FUNCTION LOAD V|FUNCTION RESTORE V
PUBLISH C V|SPUBLISH C V|PUBLISH C {"type":"presence","deviceId":"sensor-2","status":"offline","seq":99}
CONFIG SET maxmemory 1|CONFIG RESETSTAT|CONFIG REWRITE|ACL SETUSER default off|ACL DELUSER viewer|ACL SETUSER x on nopass +@all
FLUSHALL|FLUSHDB|SWAPDB 0 1|SELECT 1|CLIENT KILL TYPE normal|CLIENT PAUSE 1|CLIENT NO-EVICT on|CLIENT TRACKING on|CLIENT LIST
DEBUG SLEEP 0|DEBUG SET-ACTIVE-EXPIRE 0|SHUTDOWN NOSAVE|REPLICAOF 127.0.0.1 1|FAILOVER|SLOWLOG RESET|LATENCY RESET
MODULE LOAD V|SAVE|BGSAVE|BGREWRITEAOF|CLUSTER FLUSHSLOTS|CLUSTER RESET|CLUSTER FORGET V|CLUSTER SLOTS|MEMORY PURGE
KEYS *|SCAN 0|RANDOMKEY|DUMP K|OBJECT FREQ K|INFO|TIME|PING|EXISTS K|PTTL K|GET K|WATCH K|UNWATCH|ASKING|READONLY
`
  .trim()
  .split(/[|\n]/)
  .map((line) => line.split(' '));

/** Commands within a transaction, half of them on keys of the login: as a whole it is refused, or harmless. */
const TRANSACTION_LENGTH = 3;

export function* randomAttacks(seed: number, count: number, pool: AttackPool): Generator<Attack> {
  const random = randomNumbers(seed);
  const pick = randomPicker(seed + 1);
  const fill = (word: string): string => {
    switch (word) {
      case 'K':
        return pick(pool.keys);
      case 'O':
        return pick(pool.own);
      case 'C':
        return pick(pool.channels);
      case 'V':
        return pick(['', 'x', '1', '{"a":1}', '\u0000\u00ff', 'sensor-2']);
      default:
        return word;
    }
  };
  const one = () => pick(TEMPLATES).map(fill);
  for (let i = 0; i < count; i++) {
    if (random() > 0.2) yield [one()];
    else yield [['MULTI'], ...Array.from({ length: TRANSACTION_LENGTH }, one), ['EXEC']];
  }
}
