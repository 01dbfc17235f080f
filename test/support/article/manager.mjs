/** The article's `DeviceStateManager`: the operations that write, `get` and `delta`. */
import { deviceOf } from './device.mjs';
import { commandsChannel, heartbeatKey, ONLINE, PRESENCE, REGISTERED, stateKey, typeKey } from './keys.mjs';

export function managerOperations(dialect, { redis, publisher }, { ttlSeconds, now }) {
  const { field, loads, dumps, time, timeText, timeInJson } = dialect;

  async function readInPipeline(key, fields) {
    const reads = dialect.pipeline(redis);
    for (const name of fields) reads.hget(key, name);
    return dialect.replies(await reads.exec());
  }

  return {
    async register(id, type, metadata = {}) {
      await redis.hset(stateKey(id), {
        [field('deviceId')]: id,
        [field('deviceType')]: type,
        [field('registeredAt')]: timeText(time(now)),
        status: 'offline',
        [field('lastSeen')]: '0',
        [field('reportedState')]: '{}',
        [field('desiredState')]: '{}',
        metadata: dumps(metadata),
      });
      await redis.sadd(REGISTERED, id);
      await redis.sadd(typeKey(type), id);
      return true;
    },

    /** Takes two round trips, EXISTS and the writes, and a third for the event if the device was offline. */
    async heartbeat(id, report) {
      const at = time(now);
      const wasOffline = !(await redis.exists(heartbeatKey(id)));
      const changes = { status: 'online', [field('lastSeen')]: timeText(at) };
      if (dialect.isReport(report)) changes[field('reportedState')] = dumps(report);
      const writes = dialect.pipeline(redis);
      writes.setex(heartbeatKey(id), ttlSeconds, '1');
      writes.hset(stateKey(id), changes);
      writes.sadd(ONLINE, id);
      dialect.replies(await writes.exec());
      if (wasOffline) await publisher.publish(PRESENCE, presenceEvent(dialect, id, 'online', at));
      return { deviceId: id, wasOffline };
    },

    /** Also writes the status field if it is outdated. */
    async get(id) {
      const readRecord = () => redis.hgetall(stateKey(id));
      const readOnline = () => redis.exists(heartbeatKey(id));
      const [record, isOnline] = dialect.readsAtOnce
        ? await Promise.all([readRecord(), readOnline()])
        : [await readRecord()];
      if (!dialect.isDevice(record)) return null;
      const device = deviceOf(dialect, id, record, isOnline ?? (await readOnline()));
      if (record.status !== device.status) await redis.hset(stateKey(id), 'status', device.status);
      return device;
    },

    /** Reads, merges the top level and writes the whole: a patch that another client writes in between is lost. */
    async setDesired(id, patch) {
      const desired = dialect.loadsForWriting(await redis.hget(stateKey(id), field('desiredState')));
      Object.assign(desired, patch);
      const desiredJson = dumps(desired);
      await redis.hset(stateKey(id), field('desiredState'), desiredJson);
      const timestamp = timeInJson(time(now));
      const update = { type: 'state_update', [field('desiredState')]: desired, timestamp };
      await publisher.publish(commandsChannel(id), dumps(update));
      return { deviceId: id, desiredState: loads(desiredJson) };
    },

    /** `reported` is null for a field that is not reported, where Node's own program answers undefined. */
    async delta(id) {
      const documents = [field('reportedState'), field('desiredState')];
      const replies = dialect.readsAtOnce
        ? await Promise.all(documents.map((name) => redis.hget(stateKey(id), name)))
        : await readInPipeline(stateKey(id), documents);
      const [reported, desired] = replies.map((json) => loads(json));
      const delta = {};
      for (const [key, value] of Object.entries(desired)) {
        if (Object.hasOwn(reported, key) && dialect.isSame(reported[key], value)) continue;
        delta[key] = { desired: value, reported: reported[key] ?? null };
      }
      return { deviceId: id, inSync: Object.keys(delta).length === 0, delta };
    },
  };
}

/**
 * Returns the JSON of a presence event.
 * @param at in the dialect's unit
 */
export function presenceEvent({ field, dumps, timeInJson }, id, status, at) {
  return dumps({ type: 'presence', [field('deviceId')]: id, status, timestamp: timeInJson(at) });
}
