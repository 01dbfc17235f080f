/**
 * The article's design, written anew: the same keys, commands and round trips as its Node class, and the fleet
 * queries of its Python class. `redis` and `publisher` are ioredis clients.
 */
const REGISTERED = 'devices:registered';
const ONLINE = 'devices:online';
const PRESENCE = 'devices:presence';
const stateKey = (id) => `device:state:${id}`;
const heartbeatKey = (id) => `device:heartbeat:${id}`;
const typeKey = (type) => `devices:type:${type}`;

export class ArticleFleet {
  #redis;
  #publisher;
  #ttlSeconds;

  /** @param ttlSeconds of a heartbeat; the article's is 60 */
  constructor(redis, publisher, ttlSeconds) {
    this.#redis = redis;
    this.#publisher = publisher;
    this.#ttlSeconds = ttlSeconds;
  }

  async register(id, type, metadata) {
    await this.#redis.hset(stateKey(id), {
      deviceId: id,
      deviceType: type,
      registeredAt: String(Date.now()),
      status: 'offline',
      lastSeen: '0',
      reportedState: '{}',
      desiredState: '{}',
      metadata: JSON.stringify(metadata),
    });
    await this.#redis.sadd(REGISTERED, id);
    await this.#redis.sadd(typeKey(type), id);
  }

  /** Takes two round trips, EXISTS and the writes, and a third for the event if the device was offline. */
  async heartbeat(id, report) {
    const now = Date.now();
    const wasOffline = (await this.#redis.exists(heartbeatKey(id))) === 0;
    const fields = { status: 'online', lastSeen: String(now) };
    if (report !== undefined) fields.reportedState = JSON.stringify(report);
    const writes = this.#redis.pipeline();
    writes.setex(heartbeatKey(id), this.#ttlSeconds, '1');
    writes.hset(stateKey(id), fields);
    writes.sadd(ONLINE, id);
    await writes.exec();
    if (wasOffline) {
      const event = { type: 'presence', deviceId: id, status: 'online', timestamp: now };
      await this.#publisher.publish(PRESENCE, JSON.stringify(event));
    }
    return { deviceId: id, status: 'online', wasOffline };
  }
}

/**
 * The devices that have not been seen for `olderThanMs`, oldest first.
 * @param chunk devices per pipeline; the article takes the whole fleet in one
 */
export async function staleDevices(redis, olderThanMs, chunk = Number.POSITIVE_INFINITY) {
  const cutoff = Date.now() - olderThanMs;
  const ids = await redis.smembers(REGISTERED);
  const stale = [];
  for (let from = 0; from < ids.length; from += chunk) {
    const chunkIds = ids.slice(from, from + chunk);
    const reads = redis.pipeline();
    for (const id of chunkIds) reads.hget(stateKey(id), 'lastSeen');
    const replies = await reads.exec();
    for (const [i, [, text]] of replies.entries()) {
      const lastSeen = Number(text);
      if (text !== null && lastSeen < cutoff)
        stale.push({ deviceId: chunkIds[i], lastSeen, ageSeconds: (Date.now() - lastSeen) / 1000 });
    }
  }
  return stale.sort((a, b) => a.lastSeen - b.lastSeen);
}

/** All devices of a type with their reports, in one pipeline. */
export async function devicesWithState(redis, type) {
  const ids = await redis.smembers(typeKey(type));
  const reads = redis.pipeline();
  for (const id of ids) {
    reads.hgetall(stateKey(id));
    reads.exists(heartbeatKey(id));
  }
  const replies = await reads.exec();
  return ids.map((_, i) => {
    const [[, record], [, alive]] = [replies[2 * i], replies[2 * i + 1]];
    return {
      deviceId: record.deviceId,
      status: alive === 1 ? 'online' : 'offline',
      lastSeen: Number(record.lastSeen),
      reportedState: JSON.parse(record.reportedState),
    };
  });
}
