/** The article's offline detectors: the one that polls, and the one for expired keys. Both may be late or wrong. */
import { HEARTBEAT_PREFIX, heartbeatKey, ONLINE, PRESENCE, stateKey } from './keys.mjs';
import { presenceEvent } from './manager.mjs';

export function detectorOperations(dialect, { redis }, { now }) {
  async function markOffline(id) {
    const writes = dialect.pipeline(redis);
    writes.hset(stateKey(id), 'status', 'offline');
    writes.srem(ONLINE, id);
    dialect.replies(await writes.exec());
    await redis.publish(PRESENCE, presenceEvent(dialect, id, 'offline', dialect.time(now)));
  }

  return {
    markOffline,

    /** Runs one round of the polling detector; returns the ids that it marked offline. */
    async pollDetector() {
      const found = [];
      for (const id of await redis.smembers(ONLINE)) {
        if (await redis.exists(heartbeatKey(id))) continue;
        found.push(id);
        await markOffline(id);
      }
      return found;
    },

    /** Handles one expired key; returns the id that it marked offline, which is wrong for ids with a colon. */
    async keyspaceDetector(key) {
      if (!key.startsWith(HEARTBEAT_PREFIX)) return null;
      const id = dialect.idOfKey(key);
      await markOffline(id);
      return id;
    },
  };
}
