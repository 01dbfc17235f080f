/** Seeds large fleets fast: the data that register and a first heartbeat leave, without events. */
import type { Partition } from '../../../src/core/store/partition.js';
import { serverNow } from '../fleet.js';

const CHUNK = 1000;

/** KEYS: registered, type, types, online, activity. ARGV: now, deadline, first and last number of a device. */
const SEED = `
local now, deadline = ARGV[1], ARGV[2]
redis.call('SADD', KEYS[3], 'lamp')
for i = tonumber(ARGV[3]), tonumber(ARGV[4]) do
  local id = 'd' .. i
  redis.call('HSET', 'device:state:' .. id, 'deviceId', id, 'deviceType', 'lamp', 'registeredAt', now,
    'status', 'online', 'lastSeen', now, 'reportedState', '{}', 'desiredState', '{}', 'metadata', '{}',
    'devstate', '0 0 0 0 1 ' .. now .. ' 0')
  redis.call('SET', 'device:heartbeat:' .. id, '1', 'PXAT', deadline)
  redis.call('SADD', KEYS[1], id)
  redis.call('SADD', KEYS[2], id)
  redis.call('SADD', KEYS[4], id)
  redis.call('ZADD', KEYS[5], deadline, id)
end`;

/** Creates `count` online devices d0, d1, … that expire in `ttlMs`. Returns their deadline, ms on the server's clock. */
export async function seedOnline(
  { redis, keys }: Pick<Partition, 'redis' | 'keys'>,
  count: number,
  ttlMs: number,
): Promise<number> {
  const now = await serverNow(redis);
  const deadline = now + ttlMs;
  const allKeys = [keys.registered, keys.type('lamp'), keys.types, keys.online, keys.activity];
  for (let from = 0; from < count; from += CHUNK) {
    await redis.eval(
      SEED,
      allKeys.length,
      ...allKeys,
      now,
      deadline,
      from,
      Math.min(from + CHUNK, count) - 1,
    );
  }
  return deadline;
}
