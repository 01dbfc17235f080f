/** The article's queries over many devices. */
import { heartbeatKey, ONLINE, REGISTERED, stateKey, typeKey } from './keys.mjs';

export function queryOperations(dialect, { redis }, { now }) {
  const { field, loads, time, unitsPerSecond } = dialect;

  async function offline() {
    const [all, online] = dialect.readsAtOnce
      ? await Promise.all([redis.smembers(REGISTERED), redis.smembers(ONLINE)])
      : [await redis.smembers(REGISTERED), await redis.smembers(ONLINE)];
    const onlineIds = new Set(online);
    return all.filter((id) => !onlineIds.has(id));
  }

  return {
    online: () => redis.smembers(ONLINE),
    offline,
    byStatus: (status) => (status === 'online' ? redis.smembers(ONLINE) : offline()),
    byType: (type) => redis.smembers(typeKey(type)),

    /** All devices of a type with their reports, in one pipeline. */
    async byTypeWithState(type) {
      const ids = await redis.smembers(typeKey(type));
      if (ids.length === 0) return [];
      const reads = dialect.pipeline(redis);
      for (const id of ids) {
        reads.hgetall(stateKey(id));
        reads.exists(heartbeatKey(id));
      }
      const replies = dialect.replies(await reads.exec());
      const devices = [];
      for (let i = 0; i < replies.length; i += 2) {
        const record = replies[i] ?? {};
        if (Object.keys(record).length === 0) continue;
        devices.push({
          deviceId: record[field('deviceId')] ?? '',
          status: replies[i + 1] ? 'online' : 'offline',
          lastSeen: Number.parseFloat(record[field('lastSeen')] ?? '0'),
          reportedState: loads(record[field('reportedState')]),
        });
      }
      return devices;
    },

    /**
     * The devices that have sent no heartbeat for a time, oldest first. Those that have never sent one are included.
     * @param chunk devices per pipeline; the article reads the whole fleet in one
     */
    async stale(maxAgeSeconds = 3600, chunk = Number.POSITIVE_INFINITY) {
      const cutoff = time(now) - maxAgeSeconds * unitsPerSecond;
      const ids = await redis.smembers(REGISTERED);
      const stale = [];
      for (let from = 0; from < ids.length; from += chunk) {
        const chunkIds = ids.slice(from, from + chunk);
        const reads = dialect.pipeline(redis);
        for (const id of chunkIds) reads.hget(stateKey(id), field('lastSeen'));
        const replies = dialect.replies(await reads.exec());
        for (const [i, text] of replies.entries()) {
          const lastSeen = Number.parseFloat(text);
          if (!(lastSeen < cutoff)) continue; // NaN, of a record without the field, is not stale
          const ageSeconds = (time(now) - lastSeen) / unitsPerSecond;
          stale.push({ deviceId: chunkIds[i], lastSeen, ageSeconds });
        }
      }
      return stale.sort((a, b) => a.lastSeen - b.lastSeen);
    },
  };
}
